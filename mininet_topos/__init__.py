"""The project's networks on Mininet: real hypervisors in namespaces, nothing of ours installed on them.

                     control  172.31.255.0/24 (a bridge in a namespace of its own)
           .------------------+---------------+---------------+
           |                  |               |               |
         ctl0 .1            ctl0 .11        ctl0 .12        ctl0 .13
      +----------+      +-----------+   +-----------+   +-----------+
      |    c0    |      |    hv1    |   |    hv2    |   |    hv3    |   each: own ovsdb-server, own ovs-vswitchd,
      |ryu-manag.|      |  br-int ~~~~~~~~ VXLAN ~~~~~~~~~ br-int   |   br-int made by the controller
      +----------+      |  br-phy   |   |  br-phy   |   |  br-phy   |   encap address 172.31.0.N on br-phy
                        +---phy0----+   +---phy0----+   +---phy0----+
                             |hv1            |hv2            |hv3         the fabric's port names
                             `------ fabric (a bridge in a namespace) ------'

A lab with an external network has one side more; hypervisors that map `physnet1` have `br-ex` (standalone) with raw port `ext0`:

             hv1  br-int -- patch -- br-ex --ext0--.                                            198.51.100.0/24
             hv2  br-int -- patch -- br-ex --ext0--+-- outside ----- upstream ----- far ----- server .10
             hv3  br-int -- patch -- br-ex --ext0--'   (bridge)   .1 (kernel) .1  (bridge)
                        203.0.113.0/24

Nodes are named namespaces, `<lab>-<node>`: `ip netns exec demo-fabric tcpdump -i hv1`. Within a hypervisor's *mount*
namespace `/run/openvswitch` is its own, so that in the Mininet CLI `hv1 ovs-ofctl dump-flows br-int` just works; from
outside, give the socket: `ovs-ofctl dump-flows unix:/run/ryu-overlay-lab/demo/hv1/run/br-int.mgmt`.
The root namespace gets no interface, no address and no packet.
"""
