import { loadAwsServiceSpecSync } from "@aws-cdk/aws-service-spec";
import type { Property, PropertyType, Resource } from "@aws-cdk/service-spec-types";

/** The provider's published schemas of resource types, as @aws-cdk/aws-service-spec carries them. */
export type ResourceSchemas = {
  resource(type: string): Resource | undefined;
  /** Properties of a nested type. */
  propertiesOf(type: PropertyType & { readonly type: "ref" }): Readonly<Record<string, Property>>;
  readonly types: () => readonly string[];
};

/** Loads them; takes about a second. */
export function loadResourceSchemas(): ResourceSchemas {
  const database = loadAwsServiceSpecSync();
  return {
    resource: (type) => database.lookup("resource", "cloudFormationType", "equals", type)[0],
    propertiesOf: ({ reference }) => database.get("typeDefinition", reference).properties,
    types: () => database.all("resource").map(({ cloudFormationType }) => cloudFormationType),
  };
}
