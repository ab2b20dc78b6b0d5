/**
 * The storage's methods as named operations, so that one list says what can be asked, whether it writes, and what it
 * takes and gives; the adapters carry operations, the port's objects are made from them.
 *
 * @module
 */

import { DependencyError } from "../../shared/errors.ts";
import type { GuildStore } from "../../games/parts/guilds/guild_store.ts";
import type { SanctionStore } from "../moderation/sanction_store.ts";
import type { ScoreStore } from "../../games/parts/leaderboards/score_store.ts";
import type { AccountStore, CharacterStore, SocialStore, Stores } from "./storage.ts";

/** Every operation with the method it stands for. */
export interface Operations {
  "accounts.create": AccountStore["create"];
  "accounts.createMany": AccountStore["createMany"];
  "accounts.find": AccountStore["find"];
  "accounts.findByName": AccountStore["findByName"];
  "accounts.findForLogin": AccountStore["findForLogin"];
  "accounts.noteAddress": AccountStore["noteAddress"];
  "accounts.revokeTokens": AccountStore["revokeTokens"];
  "accounts.cancelDeletion": AccountStore["cancelDeletion"];
  "accounts.findDueDeletions": AccountStore["findDueDeletions"];
  "accounts.remove": AccountStore["remove"];
  "accounts.findEntry": AccountStore["findEntry"];
  "accounts.findNames": AccountStore["findNames"];
  "characters.load": CharacterStore["load"];
  "characters.save": CharacterStore["save"];
  "characters.saveMany": CharacterStore["saveMany"];
  "social.load": SocialStore["load"];
  "social.requestFriend": SocialStore["requestFriend"];
  "social.answerFriend": SocialStore["answerFriend"];
  "social.removeFriend": SocialStore["removeFriend"];
  "social.addIgnored": SocialStore["addIgnored"];
  "social.removeIgnored": SocialStore["removeIgnored"];
  "social.keepWhisper": SocialStore["keepWhisper"];
  "social.listWhispers": SocialStore["listWhispers"];
  "social.deleteWhispers": SocialStore["deleteWhispers"];
  "social.deleteOldWhispers": SocialStore["deleteOldWhispers"];
  "guilds.create": GuildStore["create"];
  "guilds.invite": GuildStore["invite"];
  "guilds.join": GuildStore["join"];
  "guilds.invites": GuildStore["invites"];
  "guilds.withdraw": GuildStore["withdraw"];
  "guilds.decline": GuildStore["decline"];
  "guilds.leave": GuildStore["leave"];
  "guilds.kick": GuildStore["kick"];
  "guilds.setRank": GuildStore["setRank"];
  "guilds.load": GuildStore["load"];
  "guilds.loadOf": GuildStore["loadOf"];
  "guilds.findTies": GuildStore["findTies"];
  "guilds.findInvites": GuildStore["findInvites"];
  "guilds.deleteExpiredInvites": GuildStore["deleteExpiredInvites"];
  "guilds.declareWar": GuildStore["declareWar"];
  "guilds.addKills": GuildStore["addKills"];
  "guilds.endDueWars": GuildStore["endDueWars"];
  "scores.add": ScoreStore["add"];
  "scores.top": ScoreStore["top"];
  "scores.of": ScoreStore["of"];
  "scores.deleteOld": ScoreStore["deleteOld"];
  "sanctions.set": SanctionStore["set"];
  "sanctions.lift": SanctionStore["lift"];
  "sanctions.ofPlayer": SanctionStore["ofPlayer"];
  "sanctions.ofAddresses": SanctionStore["ofAddresses"];
  "sanctions.list": SanctionStore["list"];
  "sanctions.deleteEnded": SanctionStore["deleteEnded"];
  "health.probe": (nothing: undefined) => Promise<void>;
}

/** The name of an operation: subject and method. */
export type OperationName = keyof Operations;
/** What an operation takes. */
export type Argument<K extends OperationName> = Parameters<Operations[K]>[0];
/** What an operation gives. */
export type Result<K extends OperationName> = Awaited<ReturnType<Operations[K]>>;
/** The operations of one subject, each as a function that has done its work when it returns. */
export type Handlers<Subject extends string> = {
  readonly [K in Extract<OperationName, `${Subject}.${string}`>]: (argument: Argument<K>) => Result<K>;
};
/** Asks for an operation. */
export type Call = <K extends OperationName>(operation: K, argument: Argument<K>) => Promise<Result<K>>;

/** Whether an operation changes data. Reads need no transaction of their own. */
export const OPERATION_KINDS: Readonly<Record<OperationName, "read" | "write">> = {
  "accounts.create": "write",
  "accounts.createMany": "write",
  "accounts.find": "read",
  "accounts.findByName": "read",
  "accounts.findForLogin": "read",
  "accounts.noteAddress": "write",
  "accounts.revokeTokens": "write",
  "accounts.cancelDeletion": "write",
  "accounts.findDueDeletions": "read",
  "accounts.remove": "write",
  "accounts.findEntry": "read",
  "accounts.findNames": "read",
  "characters.load": "read",
  "characters.save": "write",
  "characters.saveMany": "write",
  "social.load": "read",
  "social.requestFriend": "write",
  "social.answerFriend": "write",
  "social.removeFriend": "write",
  "social.addIgnored": "write",
  "social.removeIgnored": "write",
  "social.keepWhisper": "write",
  "social.listWhispers": "read",
  "social.deleteWhispers": "write",
  "social.deleteOldWhispers": "write",
  "guilds.create": "write",
  "guilds.invite": "write",
  "guilds.join": "write",
  "guilds.invites": "read",
  "guilds.withdraw": "write",
  "guilds.decline": "write",
  "guilds.leave": "write",
  "guilds.kick": "write",
  "guilds.setRank": "write",
  "guilds.load": "read",
  "guilds.loadOf": "read",
  "guilds.findTies": "read",
  "guilds.findInvites": "read",
  "guilds.deleteExpiredInvites": "write",
  "guilds.declareWar": "write",
  "guilds.addKills": "write",
  "guilds.endDueWars": "write",
  "scores.add": "write",
  "scores.top": "read",
  "scores.of": "read",
  "scores.deleteOld": "write",
  "sanctions.set": "write",
  "sanctions.lift": "write",
  "sanctions.ofPlayer": "read",
  "sanctions.ofAddresses": "read",
  "sanctions.list": "read",
  "sanctions.deleteEnded": "write",
  "health.probe": "write",
};

/** What is told of a write that another process kept from being done. */
export function lockedError(operation: OperationName): DependencyError {
  return new DependencyError("unavailable", `Cannot run ${operation}: another process keeps the database locked`);
}

/** Makes the port's objects, whose every method asks through `call`. */
export function storageSubjects(call: Call): Stores {
  return {
    accounts: {
      create: (account) => call("accounts.create", account),
      createMany: (accounts) => call("accounts.createMany", accounts),
      find: (accountId) => call("accounts.find", accountId),
      findByName: (nameKey) => call("accounts.findByName", nameKey),
      findForLogin: (query) => call("accounts.findForLogin", query),
      noteAddress: (login) => call("accounts.noteAddress", login),
      revokeTokens: (change) => call("accounts.revokeTokens", change),
      cancelDeletion: (accountId) => call("accounts.cancelDeletion", accountId),
      findDueDeletions: (query) => call("accounts.findDueDeletions", query),
      remove: (which) => call("accounts.remove", which),
      findEntry: (query) => call("accounts.findEntry", query),
      findNames: (playerIds) => call("accounts.findNames", playerIds),
    },
    characters: {
      load: (query) => call("characters.load", query),
      save: (character) => call("characters.save", character),
      saveMany: (characters) => call("characters.saveMany", characters),
    },
    social: {
      load: (playerId) => call("social.load", playerId),
      requestFriend: (request) => call("social.requestFriend", request),
      answerFriend: (answer) => call("social.answerFriend", answer),
      removeFriend: (pair) => call("social.removeFriend", pair),
      addIgnored: (pair) => call("social.addIgnored", pair),
      removeIgnored: (pair) => call("social.removeIgnored", pair),
      keepWhisper: (whisper) => call("social.keepWhisper", whisper),
      listWhispers: (query) => call("social.listWhispers", query),
      deleteWhispers: (range) => call("social.deleteWhispers", range),
      deleteOldWhispers: (query) => call("social.deleteOldWhispers", query),
    },
    guilds: {
      create: (guild) => call("guilds.create", guild),
      invite: (invite) => call("guilds.invite", invite),
      join: (answer) => call("guilds.join", answer),
      invites: (query) => call("guilds.invites", query),
      withdraw: (target) => call("guilds.withdraw", target),
      decline: (answer) => call("guilds.decline", answer),
      leave: (leaver) => call("guilds.leave", leaver),
      kick: (target) => call("guilds.kick", target),
      setRank: (target) => call("guilds.setRank", target),
      load: (query) => call("guilds.load", query),
      loadOf: (query) => call("guilds.loadOf", query),
      findTies: (playerIds) => call("guilds.findTies", playerIds),
      findInvites: (query) => call("guilds.findInvites", query),
      deleteExpiredInvites: (query) => call("guilds.deleteExpiredInvites", query),
      declareWar: (war) => call("guilds.declareWar", war),
      addKills: (kills) => call("guilds.addKills", kills),
      endDueWars: (due) => call("guilds.endDueWars", due),
    },
    scores: {
      add: (kills) => call("scores.add", kills),
      top: (query) => call("scores.top", query),
      of: (query) => call("scores.of", query),
      deleteOld: (query) => call("scores.deleteOld", query),
    },
    sanctions: {
      set: (sanction) => call("sanctions.set", sanction),
      lift: (target) => call("sanctions.lift", target),
      ofPlayer: (query) => call("sanctions.ofPlayer", query),
      ofAddresses: (query) => call("sanctions.ofAddresses", query),
      list: (query) => call("sanctions.list", query),
      deleteEnded: (query) => call("sanctions.deleteEnded", query),
    },
  };
}
