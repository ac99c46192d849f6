#!/bin/sh
# The first process in the guest's root: give the kernel what the tests need, run
# /run/famsock-lab/command, leave its exit status in the share, switch the machine off.
# $1 and $2 are the devices that take the command's standard output and error, or patterns of them.
share=/run/famsock-lab
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
exec </dev/null >/dev/console 2>&1
. $share/environment

mkdir -p /dev/pts /dev/shm /run/lock /run/tmp /run/netns /lib/modules
mount -t devpts -o gid=5,mode=620,ptmxmode=666 devpts /dev/pts
mount -t tmpfs shm /dev/shm
mount -t tmpfs -o mode=1777 tmp /run/tmp
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mount -t debugfs debugfs /sys/kernel/debug
ln -sfn /proc/self/fd /dev/fd
ln -sfn /proc/self/fd/0 /dev/stdin
ln -sfn /proc/self/fd/1 /dev/stdout
ln -sfn /proc/self/fd/2 /dev/stderr
ln -sfn "$FAMSOCK_LAB_MODULES" "/lib/modules/$(uname -r)"
ulimit -n 65536

hostname famsock-lab
printf '127.0.0.1 localhost famsock-lab\n::1 localhost ip6-localhost\n' >/etc/hosts
ip link set lo up
echo '0 2147483647' >/proc/sys/net/ipv4/ping_group_range
modprobe -a $(sed 's/#.*//' $share/modules.txt)
# Linux 7.3: programs may use all algorithms, not only those of an allow list.
restrict=/proc/sys/crypto/af_alg_restrict
[ ! -e $restrict ] || echo 0 >$restrict
ip link add vcan0 type vcan
ip link set vcan0 mtu 72 up
ip link add vcan1 type vcan
ip link set vcan1 mtu 2060 up

# A busy machine may emulate a controller's first answer too late, and the kernel then leaves that
# controller unusable: try again. It makes the entry `features` when it has set a controller up.
# btvirt may crash: start it again, and note that for run_again.py.
controllers=/sys/kernel/debug/bluetooth
are_set_up() { [ -e $controllers/hci0/features ] && [ -e $controllers/hci1/features ]; }
start_btvirt() {
    for attempt in 1 2 3 4 5; do
        "$FAMSOCK_LAB_BTVIRT" -l2 >/dev/null &
        btvirt=$!
        tries=100
        until are_set_up || [ $tries = 0 ]; do
            sleep 0.1
            tries=$((tries - 1))
        done
        are_set_up && return
        echo "famsock-lab: attempt $attempt: the kernel did not set up hci0 and hci1 of btvirt"
        kill $btvirt
        wait $btvirt
    done
    return 1
}
keep_btvirt() {
    while start_btvirt; do
        touch /run/btvirt-is-started
        wait $btvirt
        echo "famsock-lab: btvirt ended with $?" | tee -a "$FAMSOCK_LAB_BTVIRT_ENDS"
    done
    touch /run/btvirt-is-started
}
if [ -e /dev/vhci ]; then
    keep_btvirt &
    until [ -e /run/btvirt-is-started ]; do sleep 0.1; done
fi

# The devices can be opened only once, a fifo by any child that reopens /dev/stderr.
mkfifo /run/stdout /run/stderr
stdout=$(echo $1)
stderr=$(echo $2)
[ -c "$stdout" ] && [ -c "$stderr" ] || echo "famsock-lab: no devices $stdout and $stderr for output"
case $stdout in /dev/tty*) stty -opost <"$stdout"; stty -opost <"$stderr" ;; esac
cat /run/stdout >"$stdout" &
readers=$!
cat /run/stderr >"$stderr" &
readers="$readers $!"
echo "famsock-lab: command starts, $(cut -d' ' -f1 /proc/uptime) s after boot"
sh $share/command >/run/stdout 2>/run/stderr
status=$?
(sleep 5; kill $readers) 2>/dev/null &
wait $readers
echo $status >$share/status
echo "famsock-lab: command ended with $status, $(cut -d' ' -f1 /proc/uptime) s after boot"
sync
busybox reboot -f
