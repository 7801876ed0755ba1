"""ModemManager and NetworkManager as they stand on the system bus, with what a line of JSON on stdin says, on the bus DBUS_SYSTEM_BUS_ADDRESS.

{"modem": {...} or null, "devices": [...], "own": ["mm", "nm"], "release": ["mm"], "refuse": true}; each line is answered with one, of
how often Signal.Setup was called. Types of the values follow the D-Bus interfaces of ModemManager 1.20 and NetworkManager 1.42.
"""

import json
import sys

import dbus
import dbus.lowlevel
import dbus.mainloop.glib
from gi.repository import GLib

MM = "org.freedesktop.ModemManager1"
NM = "org.freedesktop.NetworkManager"
MODEM_PATH = "/org/freedesktop/ModemManager1/Modem/0"
BEARER_PATH = "/org/freedesktop/ModemManager1/Bearer/0"
PROPERTIES = "org.freedesktop.DBus.Properties"

state = {"modem": None, "devices": [], "refuse": False, "setups": 0}


def modem_objects():
    modem = state["modem"]
    if modem is None:
        return dbus.Dictionary({}, signature="oa{sa{sv}}")
    u, i = dbus.UInt32, dbus.Int32
    ports = [dbus.Struct((name, u(kind)), signature="su") for name, kind in modem.get("ports", [])]
    bearers = [dbus.ObjectPath(BEARER_PATH)] if "bearer" in modem else []
    lte = {key: dbus.Double(modem[key]) for key in ("rsrp", "rsrq") if key in modem}
    interfaces = {
        MM + ".Modem": {
            "State": i(modem.get("state", 8)),
            "StateFailedReason": u(modem.get("failed", 0)),
            "AccessTechnologies": u(modem.get("technologies", 0)),
            "SignalQuality": dbus.Struct((u(modem.get("signal", 0)), dbus.Boolean(True)), signature="ub"),
            "Ports": dbus.Array(ports, signature="(su)"),
            "Bearers": dbus.Array(bearers, signature="o"),
        },
    }
    if modem.get("state", 8) >= 0:
        interfaces[MM + ".Modem.Modem3gpp"] = {
            "RegistrationState": u(modem.get("registration", 4)),
            "OperatorName": modem.get("operator", ""),
            "OperatorCode": modem.get("code", ""),
        }
        interfaces[MM + ".Modem.Signal"] = {
            "Rate": u(modem.get("rate", 0)),
            "Lte": dbus.Dictionary(lte, signature="sv"),
            "Nr5g": dbus.Dictionary({}, signature="sv"),
        }
    held = {name: dbus.Dictionary(values, signature="sv") for name, values in interfaces.items()}
    return dbus.Dictionary({dbus.ObjectPath(MODEM_PATH): dbus.Dictionary(held, signature="sa{sv}")}, signature="oa{sa{sv}}")


def properties_of(path, interface):
    if interface == MM + ".Bearer" and state["modem"] is not None:
        return {"Interface": state["modem"].get("bearer", ""), "Connected": dbus.Boolean(True)}
    if interface == NM:
        paths = [dbus.ObjectPath("%s/%d" % (DEVICES, at)) for at in range(len(state["devices"]))]
        return {"AllDevices": dbus.Array(paths, signature="o"), "Metered": dbus.UInt32(0)}
    device = state["devices"][int(path.rsplit("/", 1)[1])]
    return {
        "Interface": device["interface"],
        "IpInterface": device.get("ip", ""),
        "Metered": dbus.UInt32(device["metered"]),
    }


DEVICES = "/org/freedesktop/NetworkManager/Devices"


def answer(connection, message):
    if message.get_type() != 1:  # a method call
        return dbus.lowlevel.HANDLER_RESULT_NOT_YET_HANDLED
    member = message.get_member()
    reply = dbus.lowlevel.MethodReturnMessage(message)
    if member == "GetManagedObjects":
        reply.append(modem_objects(), signature="a{oa{sa{sv}}}")
    elif member == "GetAll":
        (interface,) = message.get_args_list()
        reply.append(dbus.Dictionary(properties_of(message.get_path(), interface), signature="sv"), signature="a{sv}")
    elif member == "Setup":
        state["setups"] += 1
        if state["refuse"]:
            name = MM + ".Error.Core.Unauthorized"
            reply = dbus.lowlevel.ErrorMessage(message, name, "PolicyKit authorization failed")
        else:
            state["modem"]["rate"] = int(message.get_args_list()[0])
    else:
        return dbus.lowlevel.HANDLER_RESULT_NOT_YET_HANDLED
    connection.send_message(reply)
    return dbus.lowlevel.HANDLER_RESULT_HANDLED


def tell(connection, path, interface):
    signal = dbus.lowlevel.SignalMessage(path, PROPERTIES, "PropertiesChanged")
    changed = dbus.Dictionary({}, signature="sv")
    signal.append(interface, changed, dbus.Array([], signature="s"), signature="sa{sv}as")
    connection.send_message(signal)


def main():
    loop = GLib.MainLoop()
    connection = dbus.SystemBus(mainloop=dbus.mainloop.glib.DBusGMainLoop())
    connection.add_message_filter(answer)
    names = {"mm": MM, "nm": NM}

    def take(channel, _condition):
        line = channel.readline()
        if not line:
            loop.quit()
            return False
        command = json.loads(line)
        for key in ("modem", "devices", "refuse"):
            if key in command:
                state[key] = command[key]
        for name in command.get("own", []):
            connection.request_name(names[name])
        for name in command.get("release", []):
            connection.release_name(names[name])
        if "modem" in command:
            tell(connection, MODEM_PATH, MM + ".Modem")
        if "devices" in command:
            tell(connection, "/org/freedesktop/NetworkManager", NM)
        connection.flush()
        print(json.dumps({"setups": state["setups"]}), flush=True)
        return True

    GLib.io_add_watch(sys.stdin, GLib.IO_IN | GLib.IO_HUP, take)
    loop.run()


main()
