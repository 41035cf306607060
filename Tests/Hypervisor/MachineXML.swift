/// Machines as their tools describe them.
enum MachineXML {
    /// virt-manager's: firmware with variables, two interfaces, SPICE, a guest agent; running, with an overlay.
    static let desktop = """
        <domain type='kvm' id='7'>
          <name>win10</name>
          <uuid>bf7aa0ef-2b5c-4d0b-a47b-2b3f2f1f0c11</uuid>
          <metadata>
            <libosinfo:libosinfo xmlns:libosinfo="http://libosinfo.org/xmlns/libvirt/domain/1.0">
              <libosinfo:os id="http://microsoft.com/win/10"/>
            </libosinfo:libosinfo>
          </metadata>
          <memory unit='KiB'>4194304</memory>
          <currentMemory unit='KiB'>4194304</currentMemory>
          <vcpu placement='static' current='2'>4</vcpu>
          <sysinfo type='smbios'>
            <system>
              <entry name='manufacturer'>Acme</entry>
              <entry name='uuid'>bf7aa0ef-2b5c-4d0b-a47b-2b3f2f1f0c11</entry>
            </system>
          </sysinfo>
          <os>
            <type arch='x86_64' machine='pc-q35-7.2'>hvm</type>
            <loader readonly='yes' type='pflash'>/usr/share/OVMF/OVMF_CODE_4M.fd</loader>
            <nvram template='/usr/share/OVMF/OVMF_VARS_4M.fd'>/var/lib/libvirt/qemu/nvram/win10_VARS.fd</nvram>
            <smbios mode='sysinfo'/>
          </os>
          <features><acpi/><hyperv mode='custom'><relaxed state='on'/></hyperv></features>
          <cpu mode='host-passthrough' check='none' migratable='on'/>
          <clock offset='localtime'/>
          <devices>
            <emulator>/usr/bin/qemu-system-x86_64</emulator>
            <disk type='file' device='disk'>
              <driver name='qemu' type='qcow2' cache='none' discard='unmap'/>
              <source file='/srv/overlay.qcow2' index='3'/>
              <backingStore type='file' index='1'>
                <format type='qcow2'/>
                <source file='/srv/win10.qcow2'/>
                <backingStore type='block'>
                  <format type='raw'/>
                  <source dev='/dev/vg/base'/>
                  <backingStore/>
                </backingStore>
              </backingStore>
              <target dev='vda' bus='virtio'/>
              <serial>0001</serial>
              <alias name='virtio-disk0'/>
              <address type='pci' domain='0x0000' bus='0x04' slot='0x00' function='0x0'/>
            </disk>
            <disk type='file' device='cdrom'>
              <driver name='qemu' type='raw'/>
              <source file='/iso/virtio.iso'/>
              <target dev='sda' bus='sata'/>
              <readonly/>
            </disk>
            <disk type='file' device='cdrom'>
              <target dev='sdb' bus='sata'/>
              <readonly/>
            </disk>
            <interface type='network'>
              <mac address='52:54:00:6b:3c:58'/>
              <source network='default' portid='a' bridge='virbr0'/>
              <bandwidth><inbound average='1000'/></bandwidth>
              <filterref filter='clean-traffic'/>
              <target dev='vnet3'/>
              <model type='virtio'/>
              <driver queues='2'/>
              <alias name='net0'/>
              <address type='pci' domain='0x0000' bus='0x01' slot='0x00' function='0x0'/>
            </interface>
            <interface type='direct'>
              <mac address='52:54:00:6b:3c:59'/>
              <source dev='eth0' mode='bridge'/>
              <target dev='macvtap0'/>
              <model type='e1000e'/>
            </interface>
            <serial type='file'>
              <source path='/var/log/win10.log' append='on'/>
              <log file='/var/log/more.log'/>
              <target type='isa-serial' port='0'/>
            </serial>
            <console type='pty' tty='/dev/pts/4'>
              <source path='/dev/pts/4'/>
              <target type='virtio' port='1'/>
            </console>
            <channel type='unix'>
              <source mode='bind' path='/run/libvirt/qemu/channel/target/domain-7-win10/org.qemu.guest_agent.0'/>
              <target type='virtio' name='org.qemu.guest_agent.0' state='connected'/>
            </channel>
            <channel type='spicevmc'><target type='virtio' name='com.redhat.spice.0' state='disconnected'/></channel>
            <channel type='tcp'>
              <source mode='connect' host='10.0.0.1' service='7'/>
              <protocol type='raw'/>
              <target type='virtio' name='com.acme.0'/>
            </channel>
            <tpm model='tpm-crb'><backend type='emulator' version='2.0'/></tpm>
            <graphics type='spice' port='5900' autoport='yes' listen='127.0.0.1' passwd='secret'>
              <listen type='address' address='127.0.0.1'/>
              <image compression='off'/>
            </graphics>
            <graphics type='sdl' display=':0'/>
            <sound model='ich9'/>
            <audio id='1' type='pulseaudio' serverName='/run/user/1000/pulse'><input mixingEngine='yes'/></audio>
            <video><model type='qxl' ram='65536'/></video>
            <redirdev bus='usb' type='spicevmc'/>
            <vsock model='virtio'><cid auto='no' address='3'/></vsock>
            <rng model='virtio'><backend model='egd' type='tcp'><source mode='connect' host='h' service='1'/></backend></rng>
            <memballoon model='virtio'/>
          </devices>
          <seclabel type='static' model='apparmor' relabel='yes'><label>libvirt-bf7aa0ef</label></seclabel>
        </domain>
        """

    /// A cloud's: disks over the network, a configuration drive, metadata that its manager goes by.
    static let cloud = """
        <domain type='qemu'>
          <name>instance-0000002a</name>
          <uuid>0a5f3c2e-98a1-4d1c-9d7c-6c2b5f6f7a55</uuid>
          <metadata>
            <nova:instance xmlns:nova="http://openstack.org/xmlns/libvirt/nova/1.1"><nova:name>web</nova:name></nova:instance>
          </metadata>
          <memory unit='MiB'>512</memory>
          <vcpu placement='static'>1</vcpu>
          <os><type arch='x86_64' machine='pc-i440fx-7.2'>hvm</type><boot dev='hd'/></os>
          <cpu mode='custom' match='exact' check='full'><model fallback='forbid'>Nehalem</model></cpu>
          <devices>
            <disk type='network' device='disk'>
              <driver name='qemu' type='raw' cache='writeback' discard='unmap'/>
              <auth username='nova'><secret type='ceph' uuid='457eb676-33da-42ec-9a8c-9293d545c337'/></auth>
              <source protocol='rbd' name='vms/0a5f_disk' index='1'>
                <host name='192.0.2.1' port='6789'/><host name='192.0.2.2' port='6789'/>
              </source>
              <target dev='vda' bus='virtio'/>
              <iotune><total_iops_sec>500</total_iops_sec></iotune>
            </disk>
            <disk type='block' device='disk'>
              <driver name='qemu' type='raw'/>
              <source dev='/dev/mapper/vg-data'/>
              <target dev='vdb' bus='virtio'/>
              <shareable/>
            </disk>
            <disk type='network' device='cdrom'>
              <driver name='qemu' type='raw'/>
              <source protocol='rbd' name='vms/0a5f_disk.config'><host name='192.0.2.1' port='6789'/></source>
              <target dev='hda' bus='ide'/><readonly/>
            </disk>
            <interface type='ethernet'>
              <mac address='fa:16:3e:11:22:33'/>
              <script path='/etc/qemu-ifup'/>
              <target dev='tap0a5f3c2e-98'/>
              <model type='virtio'/>
              <mtu size='1450'/>
            </interface>
            <serial type='tcp'>
              <source mode='bind' host='0.0.0.0' service='10000' tls='no'/><protocol type='raw'/>
              <log file='/var/lib/nova/instances/0a5f/console.log' append='off'/>
              <target port='0'/>
            </serial>
            <graphics type='vnc' port='-1' autoport='yes' listen='0.0.0.0'><listen type='address' address='0.0.0.0'/></graphics>
          </devices>
        </domain>
        """

    /// As little as virt-install writes for `--import`.
    static let least = """
        <domain type="qemu">
          <name>vm</name>
          <memory>262144</memory>
          <vcpu>1</vcpu>
          <os><type arch="x86_64" machine="q35">hvm</type></os>
          <devices>
            <disk type="file" device="disk"><source file="/srv/vm.img"/><target dev="vda" bus="virtio"/></disk>
            <interface type="bridge"><source bridge="br0"/><mac address="52:54:00:00:00:01"/></interface>
          </devices>
        </domain>
        """
}
