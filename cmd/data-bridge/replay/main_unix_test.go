package replay

import (
	"os/exec"
	"syscall"
)

func (r *rig) as(cmd *exec.Cmd) {
	if r.user != 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: r.user, Gid: r.user}}
	}
}
