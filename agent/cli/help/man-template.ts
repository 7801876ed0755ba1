/** What causeway(1) says beside its verbs, in the man macros; `manPage` fills it. */
export const MAN_TEMPLATE = String.raw`.TH CAUSEWAY 1 "@DATE@" "causeway @VERSION@" "Causeway"
.SH NAME
causeway \- in-vehicle edge agent: CAN to MQTT 5 with nothing lost in silence
.SH SYNOPSIS
.B causeway
.RI [ options ]
.I verb
.RI [ argument ...]
.SH DESCRIPTION
.B causeway
reads CAN through SocketCAN, decodes signals with DBC files, collects what the configuration asks for, stores every record in SQLite while the link is down, and publishes over MQTT 5 with mutual TLS from a key that never leaves the TPM.
It is one program: the daemon that systemd starts, and the command line for the person in front of the vehicle.
.PP
Data goes to standard output, everything else to standard error.
With
.B \-\-json
data is one JSON object, or one a line for what goes on; each has a
.IR schemaVersion .
.SH OPTIONS
These may stand before or behind the verb.
.B causeway
.I verb
.B \-\-help
shows the options and an example of each verb.
@OPTIONS@
.SH COMMANDS
@COMMANDS@
.SH "THE SERVICE"
The package brings
.I causeway.service
and leaves it disabled: it has nothing to read and nobody to send to before it is configured.
.PP
.nf
causeway config example > /etc/causeway/agent.d/vehicle.yaml
editor /etc/causeway/agent.d/vehicle.yaml # agent.yaml stays as it is
causeway config example \-\-all | less     # every setting
causeway config validate
causeway connect test
systemctl enable \-\-now causeway
.fi
.PP
The PIN of the TPM token is a systemd credential; see
.IR /usr/share/doc/causeway/README.Debian .
An upgrade restarts the service when it runs, and keeps configuration and state.
.SH FILES
.TP
.I /etc/causeway/agent.yaml
The configuration.
Files in
.I /etc/causeway/agent.d/*.yaml
are merged over it in the order of their names, so that an upgrade never asks about your own settings.
.TP
.I /etc/causeway/campaigns/
Campaigns, a file each: what is collected, when, and how it is sent.
See
.IR /usr/share/doc/causeway/docs/campaigns.md .
.TP
.I /etc/causeway/dbc/
DBC files.
.TP
.I /etc/causeway/ecus.yaml
Control units that are spoken to with UDS, where
.I diagnostics.catalogueFile
names it.
See
.IR /usr/share/doc/causeway/docs/diagnostics.md ;
an example is
.IR /usr/share/doc/causeway/examples/ecus.yaml .
.TP
.I /etc/causeway/causeway\-pin.cred
The encrypted PIN, see
.BR systemd\-creds (1).
.TP
.I /etc/causeway/causeway\-outbox\-key.cred
The encrypted key of what is stored, where the configuration asks for one; see
.IR /usr/share/doc/causeway/docs/encryption.md .
.TP
.I /var/lib/causeway/
State, only for the user causeway: records that wait for the link, and the device identity in
.IR identity/ .
.TP
.I /run/causeway/
The sockets that the command line reads the daemon's state from.
Members of the group causeway may view.
.TP
.I /usr/share/causeway/
The JSON Schemas of the configuration and of campaigns, and the protobuf descriptions of records and commands.
.SH ENVIRONMENT
.TP
.B NO_COLOR
No colour when it is set.
.SH "EXIT STATUS"
.TP
0
Done.
.TP
1
Failed.
.TP
2
There was nothing to do.
.TP
3
The daemon is not running, or works with degradation.
.TP
4
The system must be started anew first.
.TP
64
Wrong usage.
.TP
65
Bad input data.
.TP
69
The daemon, a bus or the broker is not available.
.TP
75
Failed for now; try again.
.TP
77
Not permitted.
.TP
78
The configuration is wrong; systemd does not start the service again.
.TP
130
Interrupted.
.SH "SEE ALSO"
.BR systemd.network (5),
.BR systemd\-creds (1),
.BR candump (1),
.BR tpm2_getcap (1)
`;
