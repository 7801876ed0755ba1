/** `pieces` in their order, as many together as fit into `roomBytes`; a longer one is alone. One empty part for no pieces. */
export function packPieces(pieces: Iterable<Uint8Array>, roomBytes: number): readonly (readonly Uint8Array[])[] {
  let part: Uint8Array[] = [];
  const parts = [part];
  let bytes = 0;
  for (const piece of pieces) {
    if (part.length > 0 && bytes + piece.length > roomBytes) {
      part = [];
      parts.push(part);
      bytes = 0;
    }
    part.push(piece);
    bytes += piece.length;
  }
  return parts;
}
