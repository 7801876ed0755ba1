# Run once in the guest as root: installs the package, and makes the token and its key in /dev/tpmrm0 as an integrator would.
# Leaves the public key in /mnt/host/device.pub.pem and the identity in /opt/identity.tar, for a data disk that is made later.
set -eu
export DEBIAN_FRONTEND=noninteractive
dpkg --install /mnt/host/causeway.deb

install -m 0640 -g causeway /dev/stdin /etc/causeway/agent.d/guest.yaml <<'TEXT'
thingName: guest-truck
buses: [{ name: can0, driver: native, interface: vcan0 }]
broker: { host: broker.bench, caFile: /etc/causeway/ca.pem }
identity:
  mode: pkcs11
  tokenLabel: causeway
  keyLabel: device
  certificateFile: /var/lib/causeway/identity/device.pem
  tcti: device:/dev/tpmrm0
  pinFile: /var/lib/causeway/identity/pin
TEXT
identity=/var/lib/causeway/identity
runuser -u causeway -- causeway key create > /mnt/host/device.pub.pem
systemd-creds encrypt --name=causeway-pin "$identity/pin" /etc/causeway/causeway-pin.cred
rm "$identity/pin" /etc/causeway/agent.d/guest.yaml
tar --create --file=/opt/identity.tar --directory=/var/lib/causeway identity
