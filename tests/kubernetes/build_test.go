package kubernetes

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	keda "github.com/kedacore/keda/v2/apis/keda/v1alpha1"
	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

const root = "../.."

// manifests are the folder of the manifests; an overlay below it is named by its
// folder.
const manifests = "config/kubernetes"

// set is what one overlay brings into a cluster.
type set struct {
	statefulSets []*appsv1.StatefulSet
	services     []*corev1.Service
	configs      []*corev1.ConfigMap
	claims       []*corev1.PersistentVolumeClaim
	budgets      []*policyv1.PodDisruptionBudget
	networks     []*networkingv1.NetworkPolicy
	scaled       []*keda.ScaledObject
	monitors     []*monitoring.ServiceMonitor
}

// build decodes what kustomize makes of a folder below root.
func build(root, overlay string) (*set, error) {
	made, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).
		Run(filesys.MakeFsOnDisk(), filepath.Join(root, manifests, overlay))
	if err != nil {
		return nil, err
	}
	s := &set{}
	for _, r := range made.Resources() {
		text, err := r.AsYAML()
		if err != nil {
			return nil, err
		}
		if err := s.add(text); err != nil {
			return nil, fmt.Errorf("%s %s: %w", r.GetKind(), r.GetName(), err)
		}
	}
	return s, nil
}

// add decodes one object; a field that its type does not have is an error.
func (s *set) add(text []byte) error {
	object, _, err := decoder().Decode(text, nil, nil)
	if err != nil {
		return err
	}
	switch o := object.(type) {
	case *appsv1.StatefulSet:
		s.statefulSets = append(s.statefulSets, o)
	case *corev1.Service:
		s.services = append(s.services, o)
	case *corev1.ConfigMap:
		s.configs = append(s.configs, o)
	case *corev1.PersistentVolumeClaim:
		s.claims = append(s.claims, o)
	case *policyv1.PodDisruptionBudget:
		s.budgets = append(s.budgets, o)
	case *networkingv1.NetworkPolicy:
		s.networks = append(s.networks, o)
	case *keda.ScaledObject:
		s.scaled = append(s.scaled, o)
	case *monitoring.ServiceMonitor:
		s.monitors = append(s.monitors, o)
	default:
		return fmt.Errorf("no check knows a %T", object)
	}
	return nil
}

func decoder() runtime.Decoder {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		appsv1.AddToScheme, corev1.AddToScheme, policyv1.AddToScheme, networkingv1.AddToScheme,
		keda.AddToScheme, monitoring.AddToScheme,
	} {
		if err := add(scheme); err != nil {
			panic(err) // two types of one name
		}
	}
	return serializer.NewCodecFactory(scheme, serializer.EnableStrict).UniversalDeserializer()
}

// overlays are the folders that can be applied by themselves, and what makes each
// component so: the base beside it.
func overlays(t *testing.T) map[string]*set {
	t.Helper()
	sets := map[string]*set{}
	for _, overlay := range []string{"base", "jetstream"} {
		s, err := build(root, overlay)
		require.NoError(t, err, overlay)
		sets[overlay] = s
	}
	for _, component := range []string{"keda", "monitoring"} {
		s, err := build(composed(t, component), component+"-with-base")
		require.NoError(t, err, component)
		sets[component] = s
	}
	return sets
}

// composed copies the manifests and puts a kustomization beside them that takes the
// base and a component. It returns the copy's root.
func composed(t *testing.T, component string) string {
	t.Helper()
	dir := copied(t)
	path := filepath.Join(dir, manifests, component+"-with-base")
	require.NoError(t, os.Mkdir(path, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(path, "kustomization.yaml"), fmt.Appendf(nil,
		"resources: [../base]\ncomponents: [../%s]\n", component), 0o600))
	return dir
}

func copied(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	require.NoError(t, os.CopyFS(filepath.Join(dir, manifests), os.DirFS(filepath.Join(root, manifests))))
	return dir
}

// No folder is left out.
func TestEveryFolderIsBuilt(t *testing.T) {
	sets := overlays(t)
	entries, err := fs.ReadDir(os.DirFS(filepath.Join(root, manifests)), ".")
	require.NoError(t, err)
	for _, e := range entries {
		require.Contains(t, sets, e.Name())
	}
}
