"""A subscription that is waited for: one publish request at a time, no task in the background."""

import asyncio
from collections.abc import Sequence
from typing import Any

from asyncua import ua
from asyncua.ua.ua_binary import struct_from_binary

from .errors import UnreachableError
from .opc_ua_session import OpcUaSession
from .opc_ua_values import Sample, sample_of

_KEEP_ALIVE_SECONDS = 5.0  # how long a server may be silent although nothing changes
_PATIENCE = 3  # messages until the values that have not come yet count as bad
_LIVES = 10  # keep-alives that may be missed before the server forgets the subscription
_WAITING = 0x80320000  # BadWaitingForInitialData


class OpcUaSubscription:
    """`open()`, then `wait()` again and again; `samples` are the newest values, in the order of the nodes."""

    def __init__(self, session: OpcUaSession, nodes: Sequence[Any], interval: float) -> None:
        self.samples = [Sample(status=_WAITING)] * len(nodes)
        self._session, self._nodes, self._interval = session, nodes, interval
        self._beat = min(interval, _KEEP_ALIVE_SECONDS)
        self._id = 0
        self._silence = 0.0  # seconds after which the line counts as dead
        self._acknowledgements: list[Any] = []
        self._patience = _PATIENCE

    @property
    def pause(self) -> float:
        """Seconds from one reading to the next at least: an interval, but for servers that are not punctual."""
        return self._interval - self._beat / 2

    async def open(self) -> None:
        request = ua.CreateSubscriptionRequest()
        beats = max(1, round(_KEEP_ALIVE_SECONDS / self._beat))
        request.Parameters.RequestedPublishingInterval = self._beat * 1000
        request.Parameters.RequestedMaxKeepAliveCount = beats
        request.Parameters.RequestedLifetimeCount = beats * _LIVES
        async with self._session.speaking() as client:
            # Not client.create_subscription: that starts a task which swallows every error.
            answer = struct_from_binary(ua.CreateSubscriptionResponse, await client._send_request(request))
        revised = answer.Parameters
        self._id = revised.SubscriptionId
        limit = self._session.config.additional_config.timeout
        self._silence = revised.RevisedPublishingInterval / 1000 * max(1, revised.RevisedMaxKeepAliveCount) + limit
        step = self._session.limits["monitor"]
        for start in range(0, len(self._nodes), step):
            await self._monitor(start, self._nodes[start : start + step])

    async def _monitor(self, start: int, nodes: Sequence[Any]) -> None:
        request = ua.CreateMonitoredItemsParameters()
        request.SubscriptionId = self._id
        request.TimestampsToReturn = ua.TimestampsToReturn.Both
        for handle, node in enumerate(nodes, start=start):
            item = ua.MonitoredItemCreateRequest()
            item.ItemToMonitor = ua.ReadValueId(NodeId=node, AttributeId=ua.AttributeIds.Value)
            item.MonitoringMode = ua.MonitoringMode.Reporting
            item.RequestedParameters.ClientHandle = handle
            item.RequestedParameters.SamplingInterval = self._interval * 1000
            item.RequestedParameters.QueueSize = 1
            request.ItemsToCreate.append(item)
        async with self._session.speaking() as client:
            answer = await client.create_monitored_items(request)
            self._session.check_count(answer, len(nodes))
        for handle, result in enumerate(answer, start=start):
            if result.StatusCode.is_bad():
                self.samples[handle] = Sample(status=result.StatusCode.value)

    async def wait(self) -> bool:
        """Until values have changed (True), or the server says that it is alive and nothing has (False)."""
        changed = False
        while True:
            async with self._session.speaking() as client, asyncio.timeout(self._silence):
                answer = (await client.publish(self._acknowledgements)).Parameters
            self._acknowledgements = []
            message = answer.NotificationMessage
            for notification in message.NotificationData or []:
                changed = self._take(notification) or changed
                self._acknowledge(answer.SubscriptionId, message.SequenceNumber)
            if not answer.MoreNotifications and not self._is_waiting():
                return changed

    def _is_waiting(self) -> bool:
        """The first values may come in several messages."""
        self._patience -= 1
        return self._patience >= 0 and any(sample.status == _WAITING for sample in self.samples)

    def _acknowledge(self, subscription: int, number: int) -> None:
        if not self._acknowledgements:
            self._acknowledgements.append(
                ua.SubscriptionAcknowledgement(SubscriptionId=subscription, SequenceNumber=number)
            )

    def _take(self, notification: Any) -> bool:
        if isinstance(notification, ua.StatusChangeNotification):
            raise UnreachableError(
                f"{self._session.config.place} has ended our subscription. We subscribe again by ourselves.",
                code="reset",
            )
        items = notification.MonitoredItems if isinstance(notification, ua.DataChangeNotification) else []
        for item in items or []:
            if 0 <= item.ClientHandle < len(self.samples):
                self.samples[item.ClientHandle] = sample_of(item.Value)
        return bool(items)
