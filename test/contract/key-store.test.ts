import { FakeKeyStore } from "../fakes/ports/key-store.ts";
import { describeKeyStore } from "./key-store.suite.ts";

describeKeyStore("fake", () => {
  const store = new FakeKeyStore();
  return Promise.resolve({ store, relabel: (from, to) => store.relabel(from, to), close: () => Promise.resolve() });
});
