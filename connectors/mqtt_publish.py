"""A plain PUBLISH packet straight to a delivery: paho makes an object of each of MQTT 5's empty property lists.

Pure. What is not plain in any way is left to paho, which also says what is wrong with it.
"""

from .mqtt_inbox import Delivery

_DUP, _QOS, _RETAIN = 0x08, 0x06, 0x01


def parse_publish(command: int, packet: bytes | bytearray, *, mqtt5: bool) -> Delivery | None:
    """`command` is the first byte of the packet, `packet` what follows its length. None: not plain."""
    qos = (command & _QOS) >> 1
    body = 2 + int.from_bytes(packet[:2], "big")
    number = None
    if qos > 1 or body == 2:
        return None
    topic = bytes(packet[2:body])
    if qos:
        number, body = int.from_bytes(packet[body : body + 2], "big"), body + 2
    if mqtt5:
        if packet[body : body + 1] != b"\0":  # its properties' length
            return None
        body += 1
    if body > len(packet) or number == 0:
        return None
    try:
        name = topic.decode()
    except UnicodeDecodeError:
        return None
    return Delivery(name, bytes(packet[body:]), bool(command & _RETAIN), bool(command & _DUP), number)
