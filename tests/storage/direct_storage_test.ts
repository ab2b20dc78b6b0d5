import { MARSH_RECORDS } from "../../games/marsh/records.ts";
import { DirectStorage } from "../../server/storage/direct_storage.ts";
import { type OpenedStorage, storageContract } from "../contract/storage_contract.ts";

storageContract("DirectStorage in memory", { isDurable: false, open: () => Promise.resolve(openDirectly(":memory:")) });

storageContract("DirectStorage on a file", {
  isDurable: true,
  open: async () => {
    const dir = await Deno.makeTempDir({ prefix: "drawbridge-test-" });
    return openDirectly(`${dir}/storage.db`, dir);
  },
});

function openDirectly(path: string, dir?: string): OpenedStorage {
  let storage = new DirectStorage({ path }, MARSH_RECORDS);
  return {
    storage,
    location: path,
    reopen: async (meanwhile) => {
      await storage.close();
      await meanwhile?.();
      return storage = new DirectStorage({ path }, MARSH_RECORDS);
    },
    close: async () => {
      await storage.close();
      if (dir) await Deno.remove(dir, { recursive: true });
    },
  };
}
