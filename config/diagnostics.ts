import { z } from "zod";
import { conditionConfig } from "./catalogue.ts";
import { busName, path } from "./fields.ts";

const EVERY_MS = { min: 100, max: 86_400_000 } as const;
const canId = z.int().min(0).max(0x1fff_ffff);

/** Frames of ISO-TP as they go out (ISO 15765-2). */
const isotp = z
  .strictObject({
    padding: z
      .int()
      .min(0)
      .max(255)
      .optional()
      .default(0xcc)
      .describe("byte that fills a frame up; every frame has the full length (ISO 15765-4 wants that of a tester)"),
    blockSize: z.int().min(0).max(255).default(0).describe("frames that an ECU sends before it waits; 0 all"),
    separationMs: z.int().min(0).max(127).default(0).describe("least time between two frames of an ECU"),
    maxWaitFrames: z.int().min(0).max(100).default(10).describe("times that an ECU may ask to wait within one request"),
    maxPduBytes: z.int().min(64).max(1_048_576).default(66_000).describe("longest answer; a longer one is refused"),
  })
  .prefault({});

/** What may be sent, and when. */
const transmit = z.strictObject({
  condition: z
    .union([z.literal("always"), conditionConfig])
    .describe("state of the vehicle in which requests go out; always keeps control units awake"),
  requestsPerSecond: z.number().min(0.01).max(1000).default(10).describe("of the bus, all control units together"),
  busLoadShare: z
    .number()
    .min(0.001)
    .max(0.5)
    .default(0.05)
    .describe("share of the bus that requests and their answers may take"),
  bitRate: z.int().min(10_000).max(8_000_000).default(500_000).describe("of the bus, by which its load is reckoned"),
  silenceSeconds: z
    .int()
    .min(1)
    .max(86_400)
    .default(300)
    .describe("nothing is sent for so long after another tester was last seen"),
  backOffSeconds: z
    .strictObject({
      first: z.int().min(1).max(3600).default(10).describe("after the first"),
      longest: z.int().min(1).max(86_400).default(3600).describe("at most"),
    })
    .prefault({})
    .describe("a control unit that does not answer is left alone so long, twice as long each time"),
  pendingSeconds: z
    .int()
    .min(1)
    .max(3600)
    .default(120)
    .describe("longest time that a control unit may answer 'response pending'"),
  isotp,
});

function isObdResponse(id: number): boolean {
  return (id >= 0x7e8 && id <= 0x7ef) || (id >= 0x18da_f100 && id <= 0x18da_f1ff);
}

const obdEcu = z.strictObject({
  name: z.string().regex(/^[a-z][a-z0-9_]{0,31}$/, "must begin with a small letter and have letters, digits and '_'"),
  response: canId
    .refine(isObdResponse, "must be 0x7e8 to 0x7ef, or 0x18daf100 to 0x18daf1ff (ISO 15765-4)")
    .describe("arbitration id of its answers: 0x7e8 to 0x7ef, or 0x18daf100 and the address"),
});

/** OBD-II (SAE J1979). */
const obd = z.strictObject({
  addressing: z
    .enum(["auto", "11-bit", "29-bit"])
    .default("auto")
    .describe("ids of requests and answers; auto tries both"),
  ecus: z.array(obdEcu).min(1).max(32).optional().describe("control units; those that answer when absent"),
  signals: z
    .array(
      z.strictObject({
        pids: z
          .array(z.string().min(1).max(64))
          .min(1)
          .max(256)
          .describe("names of the table, as causeway obd scan prints them, numbers as 0x0c, or * for all supported"),
        everyMs: z.int().min(EVERY_MS.min).max(EVERY_MS.max),
      }),
    )
    .max(64)
    .default([])
    .describe("live data, as signals obd.ECU.PID"),
  codesEverySeconds: z
    .int()
    .min(5)
    .max(86_400)
    .default(60)
    .describe("between two readings of confirmed, pending and permanent trouble codes"),
  freezeFrames: z.boolean().default(true).describe("read with a code that has come"),
});

/** UDS (ISO 14229) for control units of the catalogue. */
const uds = z.strictObject({
  ecus: z.array(z.string().min(1).max(32)).min(1).max(64).describe("names in diagnostics.catalogueFile"),
  signals: z
    .array(
      z.strictObject({
        ecu: z.string().min(1).max(32).describe("control unit of the catalogue"),
        dids: z.array(z.string().min(1).max(64)).min(1).max(256).describe("names in the catalogue"),
        everyMs: z.int().min(EVERY_MS.min).max(EVERY_MS.max),
      }),
    )
    .max(64)
    .default([])
    .describe("data identifiers, as signals uds.ECU.NAME"),
  codesEverySeconds: z.int().min(5).max(86_400).default(60).describe("between two readings of trouble codes"),
  snapshots: z.boolean().default(true).describe("snapshot and extended data, read with a code that has come"),
});

/** An address and a NAME for an agent that sends on a J1939 bus (SAE J1939-81). */
const j1939 = z.strictObject({
  address: z.int().min(0).max(253).default(249).describe("preferred source address; 249 is off-board service tool 1"),
  name: z
    .strictObject({
      identity: z.int().min(0).max(2_097_151).describe("serial number, 21 bits"),
      manufacturer: z.int().min(0).max(2047).describe("manufacturer code, 11 bits"),
      ecuInstance: z.int().min(0).max(7).default(0).describe("3 bits of the name"),
      functionInstance: z.int().min(0).max(31).default(0).describe("5 bits of the name"),
      function: z.int().min(0).max(255).default(129).describe("129 is off-board diagnostic service tool"),
      vehicleSystem: z.int().min(0).max(127).default(0).describe("7 bits of the name"),
      vehicleSystemInstance: z.int().min(0).max(15).default(0).describe("4 bits of the name"),
      industryGroup: z.int().min(0).max(7).default(0).describe("3 bits of the name"),
      arbitraryAddress: z.boolean().default(true).describe("takes another address when it loses this one"),
    })
    .describe("NAME by which the address is claimed"),
  requests: z
    .array(
      z.strictObject({
        pgn: z.int().min(0).max(262_143).describe("parameter group to ask for"),
        to: z.int().min(0).max(255).default(255).describe("address that is asked; 255 is all"),
        everySeconds: z.int().min(1).max(86_400).describe("how often"),
      }),
    )
    .max(64)
    .default([])
    .describe("groups that are sent on request only, DM2 (65227) or vehicle hours; answers decode as any frame"),
});

const busDiagnostics = z.strictObject({
  bus: busName,
  passive: z
    .array(z.enum(["obd", "j1939"]))
    .max(2)
    .default(["obd", "j1939"])
    .describe("listened to without a word: answers to another tester, and diagnostic messages of J1939"),
  transmit: transmit.optional().describe("without this section nothing is ever sent"),
  technician: z
    .array(z.enum(["clear", "reset", "routines", "write"]))
    .max(4)
    .default([])
    .describe("what someone at admin.sock may do beside reading"),
  obd: obd.optional().describe("requests by OBD-II; none when absent"),
  uds: uds.optional().describe("requests by UDS; none when absent"),
  j1939: j1939.optional().describe("requests by J1939; none when absent"),
});

/** What is done on one bus. */
export type BusDiagnosticsConfig = z.infer<typeof busDiagnostics>;

/** Trouble codes, live data by request, and manners beside other testers. */
export const diagnosticsConfig = z.strictObject({
  catalogueFile: path
    .optional()
    .describe("control units of this vehicle for UDS: addresses, data identifiers, routines"),
  buses: z.array(busDiagnostics).min(1).max(32),
  codes: z
    .strictObject({
      appearSeconds: z
        .number()
        .min(0)
        .max(3600)
        .default(2)
        .describe("a code that is broadcast must have been there so long"),
      healSeconds: z.number().min(1).max(86_400).default(10).describe("and away so long before it counts as healed"),
      maxCodes: z.int().min(16).max(100_000).default(2000).describe("codes remembered, of all control units"),
      maxEventsPerHour: z
        .int()
        .min(10)
        .max(100_000)
        .default(1000)
        .describe("beyond it changes are told later, with what is then"),
      odometer: z
        .string()
        .min(1)
        .max(200)
        .optional()
        .describe("signal with the distance travelled in km, Message.Signal; found by PID and SPN when absent"),
      reportHour: z
        .int()
        .min(0)
        .max(23)
        .default(3)
        .describe("hour of UTC after which all active codes are reported, once a day"),
    })
    .prefault({}),
});
export type DiagnosticsConfig = z.infer<typeof diagnosticsConfig>;
