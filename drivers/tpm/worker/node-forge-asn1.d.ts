/** The ASN.1 of node-forge 1.4 alone: all of it takes 6 MB more at each start. Its types name the whole only. */
declare module "node-forge/lib/asn1.js" {
  import { asn1 } from "node-forge";

  export default asn1;
}
