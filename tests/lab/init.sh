#!/bin/busybox sh
# /init of the guest: mount the machine's file system (read-only) under a tmpfs overlay, and hand
# over to guest.sh. QEMU brings the file system over 9p. User-mode Linux reads it by itself, and its
# command line names the shared folder: the kernel hands that down in $famsock_share.
/bin/busybox mkdir -p /proc /sys /dev /lower /upper /merged
/bin/busybox --install -s /bin
mount -t devtmpfs dev /dev
exec </dev/console >/dev/console 2>&1
mount -t proc proc /proc
mount -t sysfs sys /sys
while read -r module; do insmod "/modules/$module"; done </modules/order

ninep=trans=virtio,version=9p2000.L,msize=65536
if [ -n "$famsock_share" ]; then
    mount -t hostfs -o ro,noatime root /lower
else
    mount -t 9p -o "ro,noatime,noxattr,cache=loose,$ninep" root /lower
fi
mount -t tmpfs -o size=75% upper /upper
mkdir /upper/data /upper/work
mount -t overlay -o lowerdir=/lower,upperdir=/upper/data,workdir=/upper/work root /merged
mount --move /dev /merged/dev
mount --move /proc /merged/proc
mount --move /sys /merged/sys
mount -t tmpfs -o mode=755 run /merged/run
mkdir -p /merged/run/famsock-lab
if [ -n "$famsock_share" ]; then
    mount -t hostfs -o "$famsock_share" share /merged/run/famsock-lab
    set -- /dev/tty1 /dev/tty2
else
    mount -t 9p -o "cache=none,$ninep" share /merged/run/famsock-lab
    set -- '/dev/vport*p1' '/dev/vport*p2'
fi
exec switch_root /merged /bin/sh /run/famsock-lab/guest.sh "$@"
