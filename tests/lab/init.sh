#!/bin/busybox sh
# /init of the guest: mount the machine's file system (read-only, over 9p) under a tmpfs overlay,
# and hand over to guest.sh.
/bin/busybox mkdir -p /proc /sys /dev /lower /upper /merged
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
mount -t overlay -o lowerdir=/lower,upperdir=/upper/data,workdir=/upper/work root /merged
mount --move /dev /merged/dev
mount --move /proc /merged/proc
mount --move /sys /merged/sys
mount -t tmpfs -o mode=755 run /merged/run
mkdir -p /merged/run/famsock-lab
mount -t 9p -o "cache=none,$ninep" share /merged/run/famsock-lab
exec switch_root /merged /bin/sh /run/famsock-lab/guest.sh
