package main

import (
	"math/rand/v2"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// A pod that says nothing, or one that meets restricted, with up to six changes that matter to some check.
func newPod(random *rand.Rand, name, namespace string) *corev1.Pod {
	pod := &corev1.Pod{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"},
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: namespace},
		Spec: corev1.PodSpec{
			Containers: containers(random, 1+random.IntN(2), "app"), InitContainers: containers(random, random.IntN(3), "init"),
		},
	}
	for i := range pod.Spec.InitContainers {
		if random.IntN(2) == 0 {
			pod.Spec.InitContainers[i].RestartPolicy = new(corev1.ContainerRestartPolicyAlways)
		}
	}
	if random.IntN(5) == 0 {
		pod.Spec.EphemeralContainers = []corev1.EphemeralContainer{{
			EphemeralContainerCommon: corev1.EphemeralContainerCommon{Name: "debugger", Image: "registry.example.com/tools/debugger:1"},
		}}
	}
	pick := &picker{random, pod}
	if random.IntN(4) > 0 {
		pick.harden()
	}
	for range random.IntN(7) {
		changes[random.IntN(len(changes))](pick)
	}
	return pod
}

func containers(random *rand.Rand, count int, prefix string) []corev1.Container {
	var all []corev1.Container
	for i := range count {
		all = append(all, corev1.Container{Name: prefix + string(rune('a'+i)), Image: "registry.example.com/shop/app:1"})
	}
	return all
}

type picker struct {
	*rand.Rand
	pod *corev1.Pod
}

func one[T any](p *picker, values ...T) T {
	return values[p.IntN(len(values))]
}

// A container of any class.
func (p *picker) container() *corev1.Container {
	all := p.all()
	return all[p.IntN(len(all))]
}

func (p *picker) all() []*corev1.Container {
	var all []*corev1.Container
	spec := &p.pod.Spec
	for i := range spec.Containers {
		all = append(all, &spec.Containers[i])
	}
	for i := range spec.InitContainers {
		all = append(all, &spec.InitContainers[i])
	}
	for i := range spec.EphemeralContainers {
		all = append(all, (*corev1.Container)(&spec.EphemeralContainers[i].EphemeralContainerCommon))
	}
	return all
}

func (p *picker) podContext() *corev1.PodSecurityContext {
	if p.pod.Spec.SecurityContext == nil {
		p.pod.Spec.SecurityContext = &corev1.PodSecurityContext{}
	}
	return p.pod.Spec.SecurityContext
}

func (p *picker) context() *corev1.SecurityContext {
	return contextOf(p.container())
}

func contextOf(container *corev1.Container) *corev1.SecurityContext {
	if container.SecurityContext == nil {
		container.SecurityContext = &corev1.SecurityContext{}
	}
	return container.SecurityContext
}

func (p *picker) annotate(key, value string) {
	if p.pod.Annotations == nil {
		p.pod.Annotations = map[string]string{}
	}
	p.pod.Annotations[key] = value
}

// Makes the pod meet restricted, by its own fields or by those of its containers.
func (p *picker) harden() {
	byPod := p.IntN(2) == 0
	if byPod {
		p.podContext().RunAsNonRoot = new(true)
		p.podContext().SeccompProfile = &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault}
	}
	for _, container := range p.all() {
		context := contextOf(container)
		context.AllowPrivilegeEscalation = new(false)
		context.Capabilities = &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}}
		if !byPod {
			context.RunAsNonRoot = new(true)
			context.SeccompProfile = &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeLocalhost, LocalhostProfile: new("app.json")}
		}
	}
}

// Changes that some check looks at, among them those that it has to let pass.
var changes = []func(*picker){
	func(p *picker) { p.context().Privileged = new(one(p, true, true, false)) },
	func(p *picker) { p.pod.Spec.HostNetwork = one(p, true, false) },
	func(p *picker) { p.pod.Spec.HostPID = one(p, true, false) },
	func(p *picker) { p.pod.Spec.HostIPC = one(p, true, false) },
	func(p *picker) { p.pod.Spec.HostUsers = new(one(p, false, false, true)) },
	func(p *picker) {
		p.pod.Spec.OS = &corev1.PodOS{Name: one(p, corev1.Windows, corev1.Windows, corev1.Linux)}
	},
	func(p *picker) {
		p.pod.Spec.NodeSelector = map[string]string{"kubernetes.io/os": one(p, "windows", "linux")}
	},
	func(p *picker) {
		container := p.container()
		port := corev1.ContainerPort{ContainerPort: int32(one(p, 80, 8080)), HostPort: int32(one(p, 0, 80, 8080))}
		port.Protocol = one(p, "", corev1.ProtocolTCP, corev1.ProtocolUDP)
		container.Ports = append(container.Ports, port)
	},
	func(p *picker) {
		// As the API server writes it.
		p.pod.Spec.HostNetwork = true
		container := p.container()
		container.Ports = append(container.Ports, corev1.ContainerPort{ContainerPort: 8080, HostPort: 8080})
	},
	func(p *picker) {
		probe := &corev1.Probe{ProbeHandler: probeHandler(p)}
		container := p.container()
		switch p.IntN(3) {
		case 0:
			container.LivenessProbe = probe
		case 1:
			container.ReadinessProbe = probe
		default:
			container.StartupProbe = probe
		}
	},
	func(p *picker) {
		handler := probeHandler(p)
		hook := &corev1.LifecycleHandler{HTTPGet: handler.HTTPGet, TCPSocket: handler.TCPSocket}
		if p.IntN(2) == 0 {
			p.container().Lifecycle = &corev1.Lifecycle{PostStart: hook}
		} else {
			p.container().Lifecycle = &corev1.Lifecycle{PreStop: hook}
		}
	},
	func(p *picker) { p.context().WindowsOptions = windowsOptions(p) },
	func(p *picker) { p.podContext().WindowsOptions = windowsOptions(p) },
	func(p *picker) {
		spec := &p.pod.Spec
		spec.Volumes = append(spec.Volumes, corev1.Volume{Name: "v" + string(rune('a'+len(spec.Volumes))), VolumeSource: source(p)})
	},
	func(p *picker) {
		context := p.context()
		if context.Capabilities == nil {
			context.Capabilities = &corev1.Capabilities{}
		}
		context.Capabilities.Add = append(context.Capabilities.Add, one(p, capabilities...))
	},
	func(p *picker) {
		context := p.context()
		if context.Capabilities == nil {
			context.Capabilities = &corev1.Capabilities{}
		}
		context.Capabilities.Drop = one(p, nil, []corev1.Capability{}, []corev1.Capability{"all"}, []corev1.Capability{"CAP_ALL"},
			[]corev1.Capability{"NET_RAW"}, []corev1.Capability{"NET_RAW", "ALL"}, []corev1.Capability{"ALL"})
	},
	func(p *picker) { p.context().Capabilities = one(p, nil, &corev1.Capabilities{}) },
	func(p *picker) { p.podContext().AppArmorProfile = appArmor(p) },
	func(p *picker) { p.context().AppArmorProfile = appArmor(p) },
	func(p *picker) {
		container := one(p, p.container().Name, "gone", "")
		value := one(p, "", "runtime/default", "localhost/app", "unconfined", "RuntimeDefault", "localhost")
		p.annotate("container.apparmor.security.beta.kubernetes.io/"+container, value)
	},
	func(p *picker) { p.podContext().SELinuxOptions = seLinux(p) },
	func(p *picker) { p.context().SELinuxOptions = seLinux(p) },
	func(p *picker) { p.podContext().SeccompProfile = seccomp(p) },
	func(p *picker) { p.context().SeccompProfile = seccomp(p) },
	func(p *picker) {
		key := one(p, "seccomp.security.alpha.kubernetes.io/pod",
			"container.seccomp.security.alpha.kubernetes.io/"+p.container().Name,
			"container.seccomp.security.alpha.kubernetes.io/gone")
		p.annotate(key, one(p, "", "runtime/default", "docker/default", "localhost/app", "unconfined", "RuntimeDefault"))
	},
	func(p *picker) {
		p.context().ProcMount = new(one(p, corev1.DefaultProcMount, corev1.UnmaskedProcMount, corev1.UnmaskedProcMount, "", "unmasked"))
	},
	func(p *picker) {
		context := p.podContext()
		context.Sysctls = append(context.Sysctls, corev1.Sysctl{Name: one(p, sysctls...), Value: "1"})
	},
	func(p *picker) { p.context().AllowPrivilegeEscalation = one(p, nil, new(true), new(false)) },
	func(p *picker) { p.podContext().RunAsNonRoot = one(p, nil, new(true), new(false)) },
	func(p *picker) { p.context().RunAsNonRoot = one(p, nil, new(true), new(false)) },
	func(p *picker) { p.podContext().RunAsUser = one(p, nil, new(int64(0)), new(int64(1000))) },
	func(p *picker) { p.context().RunAsUser = one(p, nil, new(int64(0)), new(int64(0)), new(int64(1000))) },
	func(p *picker) { p.container().SecurityContext = one(p, nil, &corev1.SecurityContext{}) },
	func(p *picker) { p.pod.Spec.SecurityContext = one(p, nil, &corev1.PodSecurityContext{}) },
	func(p *picker) { p.pod.Spec.RuntimeClassName = new(one(p, "gvisor", "kata")) },
}

func probeHandler(p *picker) corev1.ProbeHandler {
	host := one(p, "", "", "127.0.0.1", "localhost", "shop.example.com")
	switch p.IntN(4) {
	case 0:
		return corev1.ProbeHandler{GRPC: &corev1.GRPCAction{Port: 9090}}
	case 1:
		return corev1.ProbeHandler{TCPSocket: &corev1.TCPSocketAction{Host: host, Port: intstr.FromInt32(80)}}
	default:
		return corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Host: host, Port: intstr.FromString("http"), Path: "/healthz"}}
	}
}

func windowsOptions(p *picker) *corev1.WindowsSecurityContextOptions {
	return &corev1.WindowsSecurityContextOptions{
		HostProcess: one(p, nil, new(true), new(false)), RunAsUserName: one(p, nil, new("ContainerUser")),
	}
}

func appArmor(p *picker) *corev1.AppArmorProfile {
	return one(p, nil, &corev1.AppArmorProfile{Type: corev1.AppArmorProfileTypeRuntimeDefault},
		&corev1.AppArmorProfile{Type: corev1.AppArmorProfileTypeLocalhost, LocalhostProfile: new("app")},
		&corev1.AppArmorProfile{Type: corev1.AppArmorProfileTypeUnconfined}, &corev1.AppArmorProfile{})
}

func seLinux(p *picker) *corev1.SELinuxOptions {
	return &corev1.SELinuxOptions{
		Type: one(p, "", "container_t", "container_init_t", "container_kvm_t", "container_engine_t", "spc_t"),
		User: one(p, "", "", "", "system_u"), Role: one(p, "", "", "", "sysadm_r"), Level: one(p, "", "s0:c1,c2"),
	}
}

func seccomp(p *picker) *corev1.SeccompProfile {
	return one(p, nil, &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
		&corev1.SeccompProfile{Type: corev1.SeccompProfileTypeLocalhost, LocalhostProfile: new("app.json")},
		&corev1.SeccompProfile{Type: corev1.SeccompProfileTypeUnconfined}, &corev1.SeccompProfile{},
		&corev1.SeccompProfile{Type: "unconfined"})
}

var capabilities = []corev1.Capability{
	"AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "NET_BIND_SERVICE",
	"SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT", "NET_RAW", "NET_ADMIN", "SYS_ADMIN", "CAP_SYS_ADMIN", "ALL", "chown",
	"CAP_NET_BIND_SERVICE", "net_bind_service", "SYS_PTRACE", "BPF", "",
}

var sysctls = []string{
	"kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.tcp_syncookies", "net.ipv4.ping_group_range",
	"net.ipv4.ip_unprivileged_port_start", "net.ipv4.ip_local_reserved_ports", "net.ipv4.tcp_keepalive_time",
	"net.ipv4.tcp_fin_timeout", "net.ipv4.tcp_keepalive_intvl", "net.ipv4.tcp_keepalive_probes", "net.ipv4.tcp_rmem",
	"net.ipv4.tcp_wmem", "net.ipv4.tcp_slow_start_after_idle", "net.ipv4.tcp_notsent_lowat", "kernel.msgmax",
	"net.core.somaxconn", "net/ipv4/tcp_syncookies", "",
}

// A volume of any kind, as the API server keeps it: one without a source has become an emptyDir.
func source(p *picker) corev1.VolumeSource {
	local := corev1.LocalObjectReference{Name: "x"}
	claim := corev1.PersistentVolumeClaimTemplate{Spec: corev1.PersistentVolumeClaimSpec{
		Resources: corev1.VolumeResourceRequirements{
			Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Gi")},
		},
	}}
	return one(p,
		corev1.VolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: "/var/log"}},
		corev1.VolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: "/"}},
		corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}},
		corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: "x"}},
		corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: local}},
		corev1.VolumeSource{DownwardAPI: &corev1.DownwardAPIVolumeSource{}},
		corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{}},
		corev1.VolumeSource{CSI: &corev1.CSIVolumeSource{Driver: "x"}},
		corev1.VolumeSource{PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "x"}},
		corev1.VolumeSource{Ephemeral: &corev1.EphemeralVolumeSource{VolumeClaimTemplate: &claim}},
		corev1.VolumeSource{Image: &corev1.ImageVolumeSource{Reference: "registry.example.com/shop/model:1"}},
		corev1.VolumeSource{NFS: &corev1.NFSVolumeSource{Server: "x", Path: "/x"}},
		corev1.VolumeSource{ISCSI: &corev1.ISCSIVolumeSource{TargetPortal: "x", IQN: "x"}},
		corev1.VolumeSource{GitRepo: &corev1.GitRepoVolumeSource{Repository: "https://git.example.com/x"}},
		corev1.VolumeSource{GCEPersistentDisk: &corev1.GCEPersistentDiskVolumeSource{PDName: "x"}},
		corev1.VolumeSource{AWSElasticBlockStore: &corev1.AWSElasticBlockStoreVolumeSource{VolumeID: "x"}},
		corev1.VolumeSource{Glusterfs: &corev1.GlusterfsVolumeSource{EndpointsName: "x", Path: "x"}},
		corev1.VolumeSource{RBD: &corev1.RBDVolumeSource{CephMonitors: []string{"x"}, RBDImage: "x"}},
		corev1.VolumeSource{FlexVolume: &corev1.FlexVolumeSource{Driver: "x"}},
		corev1.VolumeSource{Cinder: &corev1.CinderVolumeSource{VolumeID: "x"}},
		corev1.VolumeSource{CephFS: &corev1.CephFSVolumeSource{Monitors: []string{"x"}}},
		corev1.VolumeSource{Flocker: &corev1.FlockerVolumeSource{DatasetName: "x"}},
		corev1.VolumeSource{FC: &corev1.FCVolumeSource{WWIDs: []string{"x"}}},
		corev1.VolumeSource{AzureFile: &corev1.AzureFileVolumeSource{SecretName: "x", ShareName: "x"}},
		corev1.VolumeSource{AzureDisk: &corev1.AzureDiskVolumeSource{DiskName: "x", DataDiskURI: "x"}},
		corev1.VolumeSource{VsphereVolume: &corev1.VsphereVirtualDiskVolumeSource{VolumePath: "x"}},
		corev1.VolumeSource{Quobyte: &corev1.QuobyteVolumeSource{Registry: "x", Volume: "x"}},
		corev1.VolumeSource{PortworxVolume: &corev1.PortworxVolumeSource{VolumeID: "x"}},
		corev1.VolumeSource{PhotonPersistentDisk: &corev1.PhotonPersistentDiskVolumeSource{PdID: "x"}},
		corev1.VolumeSource{ScaleIO: &corev1.ScaleIOVolumeSource{Gateway: "x", System: "x"}},
		corev1.VolumeSource{StorageOS: &corev1.StorageOSVolumeSource{VolumeName: "x"}},
	)
}
