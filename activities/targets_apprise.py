"""Services that only Apprise knows (``slack://``, ``ntfys://``, ...): told by its library, in a guarded thread."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from activities.apprise_library import guard, plugin_of
from activities.parcels import AppriseParcel
from activities.transport_errors import check_own_means, own_fault
from domain.addresses import AddressPolicy
from domain.outcomes import Failure
from domain.targets.base import Verdict

THREADS = 16  # told at once; threads of their own, because the loop's default ones resolve names for everybody

_threads = ThreadPoolExecutor(THREADS, thread_name_prefix="apprise")


async def tell_by_apprise(parcel: AppriseParcel, policy: AddressPolicy, seconds: float) -> Verdict:
    """Tell a message within so many seconds. A thread past that is left to end by itself, and may still tell it.

    Raises:
        AppriseMissingError, InvalidNotifyError, BlockedAddressError: as `check_apprise` does.
        LocalFault: this machine could not make the request.
    """
    told = asyncio.get_running_loop().run_in_executor(_threads, _tell, parcel, policy)
    try:
        return await asyncio.wait_for(told, seconds)
    except TimeoutError:
        return Verdict(Failure.TIMEOUT, f"timeout: {parcel.target.scheme}:// did not answer within {seconds:g} s")


def _tell(parcel: AppriseParcel, policy: AddressPolicy) -> Verdict:
    try:
        check_own_means()  # also for what is loaded once: the library leaves out what it could not open
        verdict = _told(parcel, policy)
        if verdict.failure is Failure.CONNECTION and not guard.status:
            check_own_means()
    except OSError as error:
        raise own_fault(error) or error from None
    return verdict


def _told(parcel: AppriseParcel, policy: AddressPolicy) -> Verdict:
    with plugin_of(parcel.target, policy) as plugin:
        try:
            delivered = bool(plugin.notify(title=parcel.title, body=parcel.body or parcel.title))
        except Exception:  # noqa: BLE001 - a plugin may fail in any way; its words may hold the URL
            delivered = False
        if delivered:
            return Verdict()
        if guard.refused:
            return Verdict(Failure.BLOCKED_ADDRESS, guard.refused)
        why = f"it answered HTTP {guard.status}" if guard.status else "no connection, or no answer it understood"
        return Verdict(Failure.CONNECTION, f"Apprise could not tell {parcel.target.scheme}://: {why}")
