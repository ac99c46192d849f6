#!/bin/busybox sh
# /init of the guest: mount the machine's file system (read-only, over 9p) under a tmpfs overlay,
# and hand over to guest.sh.
/bin/busybox mkdir -p /proc /sys /dev /lower /upper /root
/bin/busybox --install -s /bin
mount -t devtmpfs dev /dev
exec </dev/console >/dev/console 2>&1
mount -t proc proc /proc
mount -t sysfs sys /sys
while read -r module; do insmod "/modules/$module"; done </modules/order

ninep=trans=virtio,version=9p2000.L,msize=65536
mount -t 9p -o "ro,noatime,noxattr,cache=loose,$ninep" root /lower
mount -t tmpfs -o size=75% upper /upper
mkdir /upper/data /upper/work
mount -t overlay -o lowerdir=/lower,upperdir=/upper/data,workdir=/upper/work root /root
mount --move /dev /root/dev
mount --move /proc /root/proc
mount --move /sys /root/sys
mount -t tmpfs -o mode=755 run /root/run
mkdir -p /root/run/famsock-lab
mount -t 9p -o "cache=none,$ninep" share /root/run/famsock-lab
exec switch_root /root /bin/sh /run/famsock-lab/guest.sh
