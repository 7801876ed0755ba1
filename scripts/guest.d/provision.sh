# Run once in the guest as root: installs the package, and makes the token and its key in /dev/tpmrm0 as an integrator would.
# Leaves the public key in /mnt/host/device.pub.pem and the identity in /opt/identity.tar, for a data disk that is made later.
set -eu
export DEBIAN_FRONTEND=noninteractive
dpkg --install /mnt/host/causeway.deb

identity=/var/lib/causeway/identity
work=$(mktemp -d)
chown causeway:causeway "$work"
cd "$work"
pin=$(od -An -tx1 -N16 /dev/urandom | tr -d ' \n')
printf %s "$pin" > pin
systemd-creds encrypt --name=causeway-pin pin /etc/causeway/causeway-pin.cred
rm pin

# The PINs are arguments for an instant; nobody else is in this machine.
cat > token.sh <<'TEXT'
set -eu
umask 077
export TPM2TOOLS_TCTI=device:/dev/tpmrm0 TPM2_PKCS11_TCTI=device:/dev/tpmrm0 HOME=$PWD
pin=$1
store=$2
random() { od -An -tx1 -N16 /dev/urandom | tr -d ' \n'; }
auth=$(random)
mkdir -p "$store"
tpm2_ptool init --path "$store"
tpm2_ptool addtoken --path "$store" --pid 1 --label causeway --userpin "$pin" --sopin "$(random)"
# A hard power cut counts as a wrong guess: with 128 random bits behind the PIN the limit would only lock the TPM.
tpm2_dictionarylockout --setup-parameters --max-tries=4294967295 --recovery-time=1 --lockout-recovery-time=1
printf %s "$auth" | tpm2_create -C 0x81000001 -G ecc -p file:- -u key.pub -r key.priv \
  -a "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|sign|decrypt|noda"
tpm2_load -C 0x81000001 -u key.pub -r key.priv -c key.ctx
tpm2_ptool link --path "$store" --label causeway --key-label device --userpin "$pin" --auth "$auth" key.pub key.priv
tpm2_readpublic -c key.ctx -f pem -o device.pub.pem
chmod 600 "$store"/*
TEXT
setpriv --reuid=causeway --regid=causeway --groups=tss --no-new-privs bash token.sh "$pin" "$identity/store" < /dev/null
cp device.pub.pem /mnt/host/device.pub.pem
tar --create --file=/opt/identity.tar --directory=/var/lib/causeway identity
cd /
rm -rf "$work"
