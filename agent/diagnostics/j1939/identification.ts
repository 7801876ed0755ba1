/** Groups in which a node says what it is (SAE J1939-71, J1939-73). */
export const IDENTIFICATION = {
  vin: 65_260,
  component: 65_259,
  software: 65_242,
  calibrations: 54_016,
} as const;

/** A calibration of a control unit: its id, and the number by which it can be verified, eight hexadecimal digits. */
export type Calibration = { readonly id: string; readonly verification: string };

const CALIBRATION_BYTES = 20;
const VERIFICATION_BYTES = 4;
const STAR = 0x2a;

/** DM19: calibrations, each a verification number of four bytes, little-endian, and an id of sixteen characters; a rest is left out. */
export function parseCalibrations(data: Uint8Array): readonly Calibration[] {
  const calibrations: Calibration[] = [];
  for (let at = 0; at + CALIBRATION_BYTES <= data.length; at += CALIBRATION_BYTES) {
    const number = data.slice(at, at + VERIFICATION_BYTES).toReversed();
    calibrations.push({
      id: textOf(data.subarray(at + VERIFICATION_BYTES, at + CALIBRATION_BYTES)),
      verification: Buffer.from(number).toString("hex").toUpperCase(),
    });
  }
  return calibrations;
}

/** The vehicle identification number: what stands before the first star, or all where there is none. */
export function parseVin(data: Uint8Array): string {
  return fieldsOf(data)[0] ?? "";
}

/** Component identification: make, model, serial number, unit number; each may be empty, and what is not there is so too. */
export function parseComponent(data: Uint8Array): {
  readonly make: string;
  readonly model: string;
  readonly serialNumber: string;
  readonly unitNumber: string;
} {
  const [make = "", model = "", serialNumber = "", unitNumber = ""] = fieldsOf(data);
  return { make, model, serialNumber, unitNumber };
}

/** Software identification: a count, then fields that end with a star each. The count is not believed: fields are those that are there. */
export function parseSoftware(data: Uint8Array): readonly string[] {
  const fields = fieldsOf(data.subarray(1));
  return fields.at(-1) === "" ? fields.slice(0, -1) : fields;
}

function fieldsOf(data: Uint8Array): readonly string[] {
  const fields: string[] = [];
  let from = 0;
  for (let at = data.indexOf(STAR); at >= 0; at = data.indexOf(STAR, from)) {
    fields.push(textOf(data.subarray(from, at)));
    from = at + 1;
  }
  return [...fields, textOf(data.subarray(from))];
}

/** Characters of ISO 8859-1 (SAE J1939-71); what cannot be printed is a space, and spaces at the ends are padding. */
function textOf(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += isPrinted(byte) ? String.fromCharCode(byte) : " ";
  return text.trim();
}

function isPrinted(byte: number): boolean {
  return (byte >= 0x20 && byte < 0x7f) || (byte >= 0xa0 && byte < 0xff);
}
