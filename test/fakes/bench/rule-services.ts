import type { RuleServices } from "../../bench/cloud/rules/rules-engine.ts";
import type { SqlValue } from "../../bench/cloud/rules/sql-value.ts";

type Item = Readonly<Record<string, SqlValue>>;

/** Keeps what actions of rules do. Tables in `broken` fail. */
export class MemoryRuleServices implements RuleServices {
  readonly items: { readonly table: string; readonly item: Item }[] = [];
  readonly metrics: {
    readonly namespace: string;
    readonly name: string;
    readonly value: number;
    readonly unit: string;
  }[] = [];
  readonly objects: { readonly bucket: string; readonly key: string; readonly body: Uint8Array }[] = [];
  readonly invocations: { readonly functionArn: string; readonly event: SqlValue }[] = [];
  readonly logs: { readonly group: string; readonly entry: SqlValue }[] = [];
  readonly broken = new Set<string>();

  async putItem(table: string, item: Item): Promise<void> {
    if (this.broken.has(table)) throw new Error("ResourceNotFoundException");
    this.items.push({ table, item });
  }

  async putMetric(metric: MemoryRuleServices["metrics"][number]): Promise<void> {
    this.metrics.push(metric);
  }

  async putObject(bucket: string, key: string, body: Uint8Array): Promise<void> {
    this.objects.push({ bucket, key, body });
  }

  async invoke(functionArn: string, event: SqlValue): Promise<void> {
    this.invocations.push({ functionArn, event });
  }

  async putLog(group: string, entry: SqlValue): Promise<void> {
    this.logs.push({ group, entry });
  }
}
