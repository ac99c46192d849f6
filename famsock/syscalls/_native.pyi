from collections.abc import Callable, Iterable
from typing import Any

from famsock.syscalls._ctypes import accept as accept
from famsock.syscalls._ctypes import bind as bind
from famsock.syscalls._ctypes import connect as connect
from famsock.syscalls._ctypes import getpeername as getpeername
from famsock.syscalls._ctypes import getsockname as getsockname
from famsock.syscalls._ctypes import getsockopt as getsockopt
from famsock.syscalls._ctypes import interface_index as interface_index
from famsock.syscalls._ctypes import interface_name as interface_name
from famsock.syscalls._ctypes import pack_control as pack_control
from famsock.syscalls._ctypes import recv_joined as recv_joined
from famsock.syscalls._ctypes import recvfrom as recvfrom
from famsock.syscalls._ctypes import recvfrom_into as recvfrom_into
from famsock.syscalls._ctypes import recvmmsg as recvmmsg
from famsock.syscalls._ctypes import recvmmsg_into as recvmmsg_into
from famsock.syscalls._ctypes import recvmsg as recvmsg
from famsock.syscalls._ctypes import recvmsg_into as recvmsg_into
from famsock.syscalls._ctypes import sendmmsg as sendmmsg
from famsock.syscalls._ctypes import sendmsg as sendmsg
from famsock.syscalls._ctypes import sendto as sendto
from famsock.syscalls._ctypes import setsockopt as setsockopt
from famsock.syscalls._ctypes import unpack_control as unpack_control

def shorten(
    cls: type,
    codec: type,
    served: dict[tuple[int, int, int], Any],
    explain: Callable[[OSError, int, int, int], object],
) -> None: ...
def gather(
    sock: Any,
    messages: Iterable[Any],
    encode: Callable[[Any], bytes],
    unusual: Callable[[Any], tuple[Any, Any, Any]],
) -> Any: ...
