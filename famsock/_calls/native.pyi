from collections.abc import Callable, Iterable
from typing import Any

from famsock._calls.python import accept as accept
from famsock._calls.python import bind as bind
from famsock._calls.python import connect as connect
from famsock._calls.python import getpeername as getpeername
from famsock._calls.python import getsockname as getsockname
from famsock._calls.python import getsockopt as getsockopt
from famsock._calls.python import interface_index as interface_index
from famsock._calls.python import interface_name as interface_name
from famsock._calls.python import pack_control as pack_control
from famsock._calls.python import recv_joined as recv_joined
from famsock._calls.python import recvfrom as recvfrom
from famsock._calls.python import recvfrom_into as recvfrom_into
from famsock._calls.python import recvmmsg as recvmmsg
from famsock._calls.python import recvmmsg_into as recvmmsg_into
from famsock._calls.python import recvmsg as recvmsg
from famsock._calls.python import recvmsg_into as recvmsg_into
from famsock._calls.python import sendmmsg as sendmmsg
from famsock._calls.python import sendmsg as sendmsg
from famsock._calls.python import sendto as sendto
from famsock._calls.python import setsockopt as setsockopt
from famsock._calls.python import unpack_control as unpack_control

def install_fast_methods(
    cls: type,
    codec: type,
    registry: Any,
    explain: Callable[[OSError, int, int, int], object],
) -> None: ...
def gather(
    sock: Any,
    messages: Iterable[Any],
    encode: Callable[[Any], bytes],
    unusual: Callable[[Any], tuple[Any, Any, Any]],
) -> Any: ...
