import { FakeKeyStore } from "../fakes/key-store.ts";
import { describeKeyStore } from "./key-store.suite.ts";

describeKeyStore("fake", () => Promise.resolve({ store: new FakeKeyStore(), close: () => Promise.resolve() }));
