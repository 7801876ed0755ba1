/** What an integrator has to choose; everything else in the example is the schema's default, or commented out. */
export const CHOICES = {
  thingName: "truck-0001",
  buses: [{ name: "can0", driver: "native", interface: "can0" }],
  dbc: [{ file: "dbc/vehicle.dbc", buses: ["can0"] }],
  collect: {
    rules: [
      { signals: "*", mode: "on-change" },
      { signals: "*.*Temperature*", mode: "every", ms: 1000 },
    ],
  },
  broker: { host: "example-ats.iot.eu-central-1.amazonaws.com", caFile: "ca.pem" },
  identity: {
    mode: "pkcs11",
    tokenLabel: "causeway",
    keyLabel: "device",
    certificateFile: "/var/lib/causeway/identity/device.pem",
  },
} as const;

const DAY_MS = 86_400_000;

/** The choices, with a value for every key that has no default: the example shows these commented out. Lists begin as they do above. */
export const EVERYTHING = {
  ...CHOICES,
  buses: [
    ...CHOICES.buses,
    { name: "can1", driver: "socketcan", interface: "can1" },
    { name: "body", driver: "socketcand", host: "192.0.2.10", interface: "can0" },
    { name: "adas", driver: "native", interface: "can2", listenOnly: true, bitrate: 500_000 },
    { name: "bench", driver: "replay", file: "drive.log", interface: "can0", skipGapsSeconds: 60 },
  ],
  dbc: [{ ...CHOICES.dbc[0], encoding: "windows-1252" }],
  vss: { release: "6.0", mappingFile: "vss-mapping.csv", catalogueFile: "vss.json" },
  collect: {
    rules: [
      ...CHOICES.collect.rules,
      { signals: "*.EngineSpeed", mode: "on-change", atLeastEveryMs: 60_000 },
      { signals: "*.Odometer", mode: "latest", windowMs: 10_000 },
      { signals: "*.*Reserved*", mode: "off" },
    ],
    snapshot: { on: ["reconnect", "sleep"], signals: "*" },
  },
  campaigns: { cloud: {} },
  encode: {
    encryption: {
      publicKeyFile: "records-key.pem",
      keyName: "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab",
    },
  },
  outbox: {
    lifeMs: { control: 365 * DAY_MS, event: 90 * DAY_MS, telemetry: 30 * DAY_MS, capture: 7 * DAY_MS },
    encryption: { key: "credential" },
  },
  proxy: { host: "proxy.example.com", port: 3128, credentialsFile: "/etc/causeway/proxy", exclude: ["vehicle.lan"] },
  identity: {
    ...CHOICES.identity,
    pinFile: "/etc/causeway/pin",
    officerPinFile: "/etc/causeway/officer-pin",
    tcti: "device:/dev/tpmrm0",
    serial: "GW-2026-000123",
    vin: "WVWZZZ1KZAW000001",
    csr: {
      serialNumber: "{serial}",
      organization: "Example Haulage",
      organizationalUnit: "Fleet",
      country: "DE",
      uris: ["urn:vin:{vin}"],
      dnsNames: ["{thing}.vehicles.example.com"],
    },
    tpm: {
      ownerAuthFile: "/etc/causeway/tpm-owner-auth",
      lockoutAuthFile: "/etc/causeway/tpm-lockout-auth",
      lockout: { maxTries: 32, recoverySeconds: 600, lockoutRecoverySeconds: 600 },
    },
  },
  provisioning: { template: "vehicles", rotationTemplate: "vehicles-rotation" },
  frameLog: {
    folder: "/var/lib/causeway/frames",
    buses: ["can0"],
    ids: ["18FEF100:1FFFFF00", "#FFFFFFFF"],
    splitSeconds: 3600,
  },
  commands: {
    policyFile: "policy.yaml",
    catalogueFile: "catalogue.yaml",
    settable: ["log.level"],
    audit: { maxBytes: 20_000_000 },
    rollbackCounter: { index: 25_169_422 },
    locate: { latitude: "Position.Latitude", longitude: "Position.Longitude" },
    sovd: { enabled: true, thing: "WVWZZZ1KZAW000001", components: { ECU_ENGINE: "engine" } },
  },
  fleetwise: {
    topicPrefix: "cms/fleetwise/",
    vehicle: "vehicle-1",
    interfaces: { "1": "can0" },
    ownRecords: "beside",
  },
  shadows: { state: { position: {} }, config: {} },
  diagnostics: {
    catalogueFile: "ecus.yaml",
    buses: [
      {
        bus: "can0",
        transmit: {
          condition: { signals: { rpm: "EngineSpeed.EngineRpm" }, maxAgeMs: 2000, all: ["rpm > 300.0"] },
        },
        technician: ["clear"],
        obd: {
          ecus: [{ name: "engine", response: 0x7e8 }],
          signals: [{ pids: ["engine_speed", "coolant_temperature"], everyMs: 1000 }],
        },
        uds: { ecus: ["body"], signals: [{ ecu: "body", dids: ["supply"], everyMs: 10_000 }] },
      },
      {
        bus: "can1",
        transmit: { condition: "always", bitRate: 250_000 },
        j1939: { name: { identity: 1, manufacturer: 2046 }, requests: [{ pgn: 65_253, to: 0, everySeconds: 3600 }] },
      },
    ],
    codes: { odometer: "Odometer.Distance" },
  },
  power: {
    state: {
      ignition: [
        { from: "command" },
        {
          from: "signals",
          condition: { signals: { terminal15: "Body.Terminal15" }, maxAgeMs: 2000, all: ["terminal15 > 0.5"] },
        },
        { from: "gpio", chip: "gpiochip0", line: 17, bias: "pull-down" },
        { from: "bus-silence", seconds: 30, buses: ["can0"] },
      ],
    },
    states: {
      driving: {
        updates: "hold",
        keepAliveSeconds: 60,
        publish: { only: ["control", "event", "telemetry"], everySeconds: 600 },
      },
      parked: {
        campaigns: ["theft"],
        keepAliveSeconds: 600,
        diagnostics: "off",
        publish: { only: ["control", "event"], everySeconds: 900 },
      },
      "asleep-soon": {
        collect: "off",
        campaigns: "off",
        keepAliveSeconds: 1200,
        publish: { only: ["control", "event"], everySeconds: 3600 },
      },
    },
    trip: { odometer: "Odometer.Distance", energy: "Battery.Charge" },
    sleep: { wakesBuses: [] },
    wake: {
      checkIns: { everyHours: 24, window: { from: "02:00", to: "04:00", timeZone: "Europe/Berlin" } },
      program: "/usr/local/lib/wake-packets",
      wakesPerDay: 12,
    },
    battery: { signal: "BatteryPack.PackVoltage", currents: { awakeMilliamps: 250, asleepMilliamps: 4 } },
  },
  place: {
    sources: [
      { kind: "gpsd", socket: "/run/gpsd/gpsd.sock", receiver: "/dev/ttyAMA0" },
      { kind: "nmea-serial", device: "/dev/ttyUSB0" },
      { kind: "nmea-tcp", host: "192.0.2.20" },
      {
        kind: "signals",
        latitude: "Position.Latitude",
        longitude: "Position.Longitude",
        altitude: "Position.Altitude",
        speed: "Motion.Speed",
        course: "Motion.Course",
        accuracy: "Position.Accuracy",
        satellites: "Position.Satellites",
        hdop: "Position.Hdop",
        time: "Position.TimeOfDay",
      },
    ],
    fences: [
      {
        name: "depot",
        circle: { latitude: 48.3687, longitude: 10.8986, radiusMetres: 300 },
      },
      {
        name: "yard",
        polygon: [
          [48.366, 10.897],
          [48.366, 10.902],
          [48.371, 10.9],
        ],
      },
    ],
    privacy: {
      zones: [
        { circle: { latitude: 48.1374, longitude: 11.5755, radiusMetres: 500 } },
        {
          polygon: [
            [48.136, 11.574],
            [48.136, 11.578],
            [48.139, 11.576],
          ],
        },
      ],
      switch: { signals: { privacy: "Cockpit.PrivacySwitch" }, maxAgeMs: 2000, all: ["privacy > 0.5"] },
    },
  },
  link: {
    interfaces: { wwan0: { metered: true, cost: "high" }, wlan0: { cost: "free" } },
    networkManager: true,
    modemManager: { signalSeconds: 60 },
    busAddress: "unix:path=/run/dbus/system_bus_socket",
    budgets: [
      { link: "wwan0", use: ["capture", "ota"], dayBytes: 50_000_000, monthBytes: 1_000_000_000, roaming: "hold" },
      { cost: "high", use: ["telemetry"], monthBytes: 500_000_000 },
    ],
  },
  tunnels: { services: { SSH: 22 }, regions: ["eu-central-1"], caFile: "tunnel-ca.pem" },
  programs: {
    clients: [
      { name: "door-watch", streams: ["event", "telemetry"], recordsPerSecond: 5 },
      {
        name: "hvac",
        answers: ["precondition"],
        values: { "cabin.temperature": { type: "number", unit: "degC" } },
        contentTypes: ["image/jpeg"],
      },
    ],
    unnamed: { values: { "washer.level": { type: "number" } }, contentTypes: ["text/plain"] },
  },
  time: {},
  metrics: {
    scrape: { socketFile: "/run/causeway-metrics/metrics.sock", port: 9464 },
    textFile: { folder: "/var/lib/prometheus/node-exporter" },
    health: {},
  },
  security: {},
  defender: { interfaces: ["wwan0"], custom: ["causeway_security_*"] },
  files: {
    hosts: ["*.s3.eu-central-1.amazonaws.com"],
    credentialsHost: "example.credentials.iot.eu-central-1.amazonaws.com",
    buckets: {
      captures: {
        bucket: "causeway-test-uploads-123456789012-eu-central-1",
        region: "eu-central-1",
        endpoint: "bucket.vpce-1a2b3c4d.s3.eu-central-1.vpce.amazonaws.com",
        roleAlias: "causeway-test-vehicle",
        owner: "123456789012",
      },
    },
    caFile: "upload-ca.pem",
    metered: "hold",
    maxBytesPerSecond: 1_000_000,
  },
  ota: {
    rootFile: "root.1.json",
    hardware: "gateway-2",
    gate: {
      condition: {
        signals: { speed: "VehicleSpeed.Speed", rpm: "EngineSpeed.EngineRpm" },
        all: ["speed < 0.5", "rpm < 1.0"],
      },
      window: { from: "22:00", to: "04:00" },
    },
    download: {
      caFile: "download-ca.pem",
      maxBytesPerSecond: 1_000_000,
      metered: { interfaces: ["wwan0"] },
    },
    jobs: {
      handlers: [{ name: "restart-modem", program: "/usr/lib/vehicle/restart-modem", arguments: ["soft|hard"] }],
      stepTimeoutMinutes: 60,
    },
    installers: [{ name: "ecu", program: "/usr/lib/vehicle/install-ecu" }],
    hooks: { before: { program: "/usr/lib/vehicle/before" }, after: { program: "/usr/lib/vehicle/after" } },
    rauc: { busAddress: "unix:path=/run/dbus/system_bus_socket" },
    rollbackCounter: { index: 25_169_421 },
  },
} as const;

/** The other way to give the identity, which excludes the one above. */
export const BENCH_IDENTITY = { mode: "file", certificateFile: "device.pem", keyFile: "device.key" } as const;
