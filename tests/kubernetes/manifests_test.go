package kubernetes

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// leaveTimeout is how long the binary waits for its inputs once the host has ended;
// see cmd/data-bridge/stop.go.
const leaveTimeout = 6 * time.Second

// each runs a check for the only StatefulSet of every overlay.
func each(t *testing.T, check func(t *testing.T, s *set, d *appsv1.StatefulSet, c corev1.Container)) {
	for name, s := range overlays(t) {
		t.Run(name, func(t *testing.T) {
			require.Len(t, s.statefulSets, 1)
			d := s.statefulSets[0]
			require.Len(t, d.Spec.Template.Spec.Containers, 1)
			check(t, s, d, d.Spec.Template.Spec.Containers[0])
		})
	}
}

// Everything that selects pods selects those of the StatefulSet.
func TestSelectorsMatchThePods(t *testing.T) {
	each(t, func(t *testing.T, s *set, d *appsv1.StatefulSet, _ corev1.Container) {
		pods := labels.Set(d.Spec.Template.Labels)
		selects := func(what string, selector *metav1.LabelSelector) {
			m, err := metav1.LabelSelectorAsSelector(selector)
			require.NoError(t, err)
			assert.True(t, m.Matches(pods), what)
			assert.False(t, m.Empty(), "%s: selects every pod of the namespace", what)
		}
		selects("stateful set", d.Spec.Selector)
		for _, c := range d.Spec.Template.Spec.TopologySpreadConstraints {
			selects("topology", c.LabelSelector)
		}
		require.Len(t, s.services, 1)
		selects("service", &metav1.LabelSelector{MatchLabels: s.services[0].Spec.Selector})
		require.Len(t, s.budgets, 1)
		selects("budget", s.budgets[0].Spec.Selector)
		require.Len(t, s.networks, 1)
		selects("network", &s.networks[0].Spec.PodSelector)
		for _, m := range s.monitors {
			selector, err := metav1.LabelSelectorAsSelector(&m.Spec.Selector)
			require.NoError(t, err)
			assert.True(t, selector.Matches(labels.Set(s.services[0].Labels)), "monitor")
		}
		for _, o := range s.scaled {
			assert.Equal(t, d.Name, o.Spec.ScaleTargetRef.Name)
			assert.Equal(t, "StatefulSet", o.Spec.ScaleTargetRef.Kind)
		}
	})
}

// The image asks what the manifests ask whether the process lives, and nothing that
// tells of servers: who restarts the bridge for them loses what it holds.
func TestLivenessIsTheSameEverywhere(t *testing.T) {
	each(t, func(t *testing.T, _ *set, _ *appsv1.StatefulSet, c corev1.Container) {
		assert.Equal(t, "/ping", c.LivenessProbe.HTTPGet.Path)
		assert.Equal(t, "/ready", c.ReadinessProbe.HTTPGet.Path)
		assert.Regexp(t, `HEALTHCHECK [^\n]*\\\n[^\n]*\$\{HTTP_ADDRESS##\*:\}`+c.LivenessProbe.HTTPGet.Path+`"\n`, read(t, "Dockerfile"))
		assert.Regexp(t, `(?m)^ENV .*HTTP_ADDRESS=`, read(t, "Dockerfile"))
		assert.NotRegexp(t, `/health\b`, read(t, "docker-compose.yml"))
	})
}

// Ports are named as the container names them, and are those of the image.
func TestPortsAreThere(t *testing.T) {
	each(t, func(t *testing.T, s *set, _ *appsv1.StatefulSet, c corev1.Container) {
		ports := map[string]int32{}
		for _, p := range c.Ports {
			ports[p.Name] = p.ContainerPort
			assert.Regexp(t, fmt.Sprintf(`(?m)^EXPOSE .*\b%d\b`, p.ContainerPort), read(t, "Dockerfile"))
		}
		named := func(what string, port intstr.IntOrString) {
			assert.Equal(t, intstr.String, port.Type, what)
			assert.Contains(t, ports, port.StrVal, what)
		}
		named("liveness", c.LivenessProbe.HTTPGet.Port)
		named("readiness", c.ReadinessProbe.HTTPGet.Port)
		offered := map[string]bool{}
		for _, p := range s.services[0].Spec.Ports {
			named("service", p.TargetPort)
			assert.Equal(t, ports[p.TargetPort.StrVal], p.Port)
			offered[p.Name] = true
		}
		for _, rule := range s.networks[0].Spec.Ingress {
			for _, p := range rule.Ports {
				named("network", *p.Port)
			}
		}
		for _, m := range s.monitors {
			for _, e := range m.Spec.Endpoints {
				assert.True(t, offered[e.Port], "monitor: %s", e.Port)
			}
		}
		env := environment(t, s, c)
		assert.Equal(t, fmt.Sprintf("0.0.0.0:%d", ports["status"]), env["STATUS_ADDRESS"])
		assert.Equal(t, fmt.Sprintf("0.0.0.0:%d", ports["http"]), env["HTTP_ADDRESS"])
	})
}

// The way out leads to names and to the servers that the pipeline names, and nowhere else.
func TestTheWayOutLeadsToTheServersAlone(t *testing.T) {
	each(t, func(t *testing.T, s *set, _ *appsv1.StatefulSet, c corev1.Container) {
		want := []string{"TCP/53", "UDP/53"}
		env := environment(t, s, c)
		for _, name := range []string{"NATS_URLS", "KAFKA_BROKERS", "CLICKHOUSE_ADDRESSES"} {
			for address := range strings.SplitSeq(env[name], ",") {
				want = append(want, "TCP/"+address[strings.LastIndex(address, ":")+1:])
			}
		}
		policy := s.networks[0].Spec
		assert.Contains(t, policy.PolicyTypes, networkingv1.PolicyTypeEgress)
		var open []string
		for _, rule := range policy.Egress {
			require.NotEmpty(t, rule.Ports, "a rule without ports opens all")
			for _, p := range rule.Ports {
				assert.Nil(t, p.EndPort)
				open = append(open, fmt.Sprintf("%s/%d", *p.Protocol, p.Port.IntVal))
			}
		}
		assert.ElementsMatch(t, want, open)
	})
}

// A pod that comes back has its place in the consumer group again.
func TestPodsKeepTheirPlacesInTheGroup(t *testing.T) {
	each(t, func(t *testing.T, s *set, d *appsv1.StatefulSet, c corev1.Container) {
		i := slices.IndexFunc(c.Env, func(e corev1.EnvVar) bool { return e.Name == "KAFKA_INSTANCE_ID" })
		require.GreaterOrEqual(t, i, 0)
		assert.Equal(t, "metadata.name", c.Env[i].ValueFrom.FieldRef.FieldPath)
		assert.Equal(t, s.services[0].Name, d.Spec.ServiceName)
		assert.Equal(t, corev1.ClusterIPNone, s.services[0].Spec.ClusterIP)
	})
}

// A probe that asks /health would restart the bridge because ClickHouse is down.
func TestProbesDoNotAskForHealth(t *testing.T) {
	each(t, func(t *testing.T, _ *set, _ *appsv1.StatefulSet, c corev1.Container) {
		assert.Equal(t, "/ping", c.LivenessProbe.HTTPGet.Path)
		assert.Equal(t, "/ready", c.ReadinessProbe.HTTPGet.Path)
	})
}

// The pod has the time that the bridge takes to stop.
func TestThePodIsGivenTimeToStop(t *testing.T) {
	each(t, func(t *testing.T, s *set, d *appsv1.StatefulSet, c corev1.Container) {
		env := environment(t, s, c)
		var takes time.Duration
		for _, name := range []string{"SHUTDOWN_DELAY", "SHUTDOWN_TIMEOUT"} {
			part, err := time.ParseDuration(env[name])
			require.NoError(t, err)
			takes += part
		}
		given := time.Duration(*d.Spec.Template.Spec.TerminationGracePeriodSeconds) * time.Second
		assert.Greater(t, given, takes+leaveTimeout)
	})
}

// A variable that the pipeline does not read is a typing error.
func TestEveryVariableIsRead(t *testing.T) {
	each(t, func(t *testing.T, s *set, _ *appsv1.StatefulSet, c corev1.Container) {
		pipeline := read(t, "config/bridge.yaml")
		if own := ownPipeline(s); own != "" {
			pipeline = own
		}
		for _, name := range slices.Sorted(maps.Keys(environment(t, s, c))) {
			switch name {
			case "POD_NAME": // only of DEAD_LETTER_PATH
				assert.Contains(t, environment(t, s, c)["DEAD_LETTER_PATH"], "$(POD_NAME)")
			case "GOMEMLIMIT":
			default:
				assert.Contains(t, pipeline, "${"+name+":", "no pipeline reads it")
			}
		}
	})
}

// The collector works before the kernel kills, and not all the time.
func TestTheMemoryLimitFitsTheCollectors(t *testing.T) {
	each(t, func(t *testing.T, s *set, _ *appsv1.StatefulSet, c corev1.Container) {
		limit := c.Resources.Limits.Memory().Value()
		goal, err := strconv.ParseInt(strings.TrimSuffix(environment(t, s, c)["GOMEMLIMIT"], "MiB"), 10, 64)
		require.NoError(t, err)
		assert.InDelta(t, 0.8, float64(goal<<20)/float64(limit), 0.05)
		assert.Greater(t, limit, int64(500_000_000), "what the shipped pipeline may take")
		assert.Equal(t, limit, c.Resources.Requests.Memory().Value())
	})
}

// The pod may do nothing that it does not need, and what it writes to is a volume.
func TestThePodHasNoRights(t *testing.T) {
	each(t, func(t *testing.T, _ *set, d *appsv1.StatefulSet, c corev1.Container) {
		pod, own := d.Spec.Template.Spec.SecurityContext, c.SecurityContext
		assert.True(t, *pod.RunAsNonRoot)
		assert.Equal(t, corev1.SeccompProfileTypeRuntimeDefault, pod.SeccompProfile.Type)
		assert.Regexp(t, fmt.Sprintf(`(?m)^USER %d$`, *pod.RunAsUser), read(t, "Dockerfile"))
		assert.False(t, *own.AllowPrivilegeEscalation)
		assert.True(t, *own.ReadOnlyRootFilesystem)
		assert.Equal(t, []corev1.Capability{"ALL"}, own.Capabilities.Drop)
		assert.Empty(t, own.Capabilities.Add)
		assert.False(t, *d.Spec.Template.Spec.AutomountServiceAccountToken)
	})
}

// Volumes, claims and maps are those that exist, and files are read where they are
// mounted.
func TestVolumesAreThere(t *testing.T) {
	each(t, func(t *testing.T, s *set, d *appsv1.StatefulSet, c corev1.Container) {
		volumes := map[string]corev1.Volume{}
		for _, v := range d.Spec.Template.Spec.Volumes {
			volumes[v.Name] = v
			if claim := v.PersistentVolumeClaim; claim != nil {
				require.Len(t, s.claims, 1)
				assert.Equal(t, s.claims[0].Name, claim.ClaimName)
			}
			if m := v.ConfigMap; m != nil {
				assert.NotNil(t, config(s, m.Name), m.Name)
			}
		}
		var mounts []string
		for _, m := range c.VolumeMounts {
			assert.Contains(t, volumes, m.Name)
			mounts = append(mounts, m.MountPath)
		}
		assert.Len(t, mounts, len(volumes), "volumes that are not mounted")
		for _, path := range []string{environment(t, s, c)["DEAD_LETTER_PATH"], strings.Join(c.Args[min(1, len(c.Args)):], " ")} {
			if path != "" {
				assert.Contains(t, mounts, filepath.Dir(path))
			}
		}
	})
}

// No more workers than partitions, never none, and what is watched is what is read.
func TestScaling(t *testing.T) {
	partitions := regexp.MustCompile(`"--topic", "([^"]+)", "--partitions", "(\d+)"`).FindStringSubmatch(read(t, "docker-compose.yml"))
	require.NotNil(t, partitions)
	for name, s := range overlays(t) {
		for _, o := range s.scaled {
			t.Run(name, func(t *testing.T) {
				env := environment(t, s, s.statefulSets[0].Spec.Template.Spec.Containers[0])
				assert.Nil(t, s.statefulSets[0].Spec.Replicas, "kubectl apply would set back what KEDA has set")
				assert.Positive(t, *o.Spec.MinReplicaCount)
				assert.Equal(t, partitions[2], strconv.Itoa(int(*o.Spec.MaxReplicaCount)))
				for _, trigger := range o.Spec.Triggers {
					switch m := trigger.Metadata; trigger.Type {
					case "kafka":
						assert.Equal(t, env["KAFKA_BROKERS"], m["bootstrapServers"])
						assert.Equal(t, partitions[1], m["topic"])
						assert.Equal(t, pipelineDefault(t, s, "KAFKA_GROUP"), m["consumerGroup"])
					case "nats-jetstream":
						assert.Equal(t, pipelineDefault(t, s, "NATS_STREAM"), m["stream"])
						assert.Equal(t, pipelineDefault(t, s, "NATS_DURABLE"), m["consumer"])
					default:
						t.Errorf("no check knows the trigger %q", trigger.Type)
					}
				}
			})
		}
	}
}

// The check is one: it refuses what is written wrongly.
func TestWrongManifestsAreRefused(t *testing.T) {
	for name, c := range map[string]struct{ file, old, new, want string }{
		"a field of a pod":      {"base/statefulset.yaml", "terminationGracePeriodSeconds", "terminationGracePeriod", `unknown field "spec.template.spec.terminationGracePeriod"`},
		"a field of a probe":    {"base/statefulset.yaml", "failureThreshold: 6", "failures: 6", `unknown field "spec.template.spec.containers[0].livenessProbe.failures"`},
		"a quantity":            {"base/statefulset.yaml", "limits: {memory: 640Mi}", "limits: {memory: 640MB}", "quantities must match"},
		"a field of a budget":   {"base/disruption.yaml", "maxUnavailable", "maxUnavailble", `unknown field "spec.maxUnavailble"`},
		"a field of a scaler":   {"keda/scaledobject.yaml", "maxReplicaCount", "maxReplicas", `unknown field "spec.maxReplicas"`},
		"a field of a monitor":  {"monitoring/servicemonitor.yaml", "interval", "every", `unknown field "spec.endpoints[0].every"`},
		"a patch of nothing":    {"jetstream/statefulset.yaml", "name: data-bridge\nspec", "name: bridge\nspec", "no matches for"},
		"a version that is not": {"base/disruption.yaml", "policy/v1", "policy/v2", `no kind "PodDisruptionBudget" is registered for version "policy/v2"`},
	} {
		t.Run(name, func(t *testing.T) {
			dir := copied(t)
			path := filepath.Join(dir, manifests, c.file)
			text, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Equal(t, 1, strings.Count(string(text), c.old), "the mutant changes one place")
			require.NoError(t, os.WriteFile(path, []byte(strings.ReplaceAll(string(text), c.old, c.new)), 0o600))
			_, err = build(dir, "jetstream") // which has everything
			require.ErrorContains(t, err, c.want)
		})
	}
}

// What the documents tell kubectl to act on is in every overlay, and obeys the emergency
// switch.
func TestDocumentedCommandsFindWhatTheyActOn(t *testing.T) {
	documents, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	require.NoError(t, err)
	object := regexp.MustCompile("kubectl [^`\n]*?\\b(statefulset|sts|deployment|deploy|daemonset|job|service|svc|pod)/([a-z][a-z-]*)")
	var named []string
	for _, path := range documents {
		for _, m := range object.FindAllStringSubmatch(read(t, strings.TrimPrefix(path, root)), -1) {
			named = append(named, m[1]+"/"+m[2])
		}
	}
	require.NotEmpty(t, named)
	each(t, func(t *testing.T, s *set, d *appsv1.StatefulSet, _ corev1.Container) {
		there := []string{"statefulset/" + d.Name, "pod/" + d.Name}
		for _, service := range s.services {
			there = append(there, "service/"+service.Name, "svc/"+service.Name)
		}
		assert.Subset(t, there, named)
		assert.Equal(t, "true", pipelineDefault(t, s, "BACKPRESSURE_ENABLED"))
	})
}
