/**
 * The game in the browser: logging in, walking, talking. Puts the page's parts together around one client.
 *
 * @module
 */

import { WorldView } from "../../../client/world/world_view.ts";
import {
  type ClientState,
  DrawbridgeClient,
  RequestError,
  type SessionLoss,
  type StateChange,
} from "../../../client/browser.ts";
import { connectWebSocket } from "../../../client/websocket_transport.ts";
import { DisconnectReason, type ErrorResponse, type LoginQueueStatus } from "../../../shared/gen/auth_pb.ts";
import { Channel, type ChatMessage, ChatMessageSchema } from "../../parts/chat/chat_pb.ts";
import { ErrorCode, type Explanation } from "../../../shared/gen/common_pb.ts";
import { CombatActionSchema, RespawnRequestSchema } from "../../parts/combat/combat_pb.ts";
import { type EnterWorldResponse, type MapInfo } from "../../../shared/gen/world_pb.ts";
import { PacketType } from "../contract.ts";
import { FIGHT_MS, RESPAWN_DELAY_MS, RESPAWN_DELAY_MS_MAX } from "../../parts/combat/limits.ts";
import { AccountDesk } from "./account_desk.ts";
import { Announcement } from "./announcement.ts";
import type { CombatIntent } from "./battle.ts";
import { ChatPanel, type SayCommand, type SpokenLine } from "./chat_panel.ts";
import { connectProblem } from "./connect_problem.ts";
import { isTyping } from "./controls.ts";
import { byId, hasKeys } from "./dom.ts";
import { chatErrorText, disconnectText, errorText, explainedOr } from "./error_text.ts";
import { guardComposition } from "./form.ts";
import { FriendDesk } from "./friend_desk.ts";
import { GameView } from "./game_view.ts";
import { FIGURES } from "./marsh_model.ts";
import { GateScene } from "./gate_scene.ts";
import { GuildDesk } from "./guild_desk.ts";
import { shownName, TEXTS, translatePage } from "./language.ts";
import { LoginCard, type LoginEntry } from "./login_card.ts";
import { type MapLook, mapLook, plainLook } from "./map_look.ts";
import { Minimap } from "./minimap.ts";
import { NearbyList } from "./nearby_list.ts";
import { Notice } from "./notice.ts";
import {
  deviceId,
  rememberName,
  storeChatLine,
  storedChat,
  storedLogin,
  storedRooms,
  storeLogin,
  storeRooms,
} from "./page_storage.ts";
import { PartyDesk } from "./party_desk.ts";
import { PendingChat } from "./pending_chat.ts";
import { PortalButton } from "./portal_button.ts";
import { RankDesk } from "./rank_desk.ts";
import { RenderScale } from "./render_scale.ts";
import { RoomDesk } from "./room_desk.ts";
import { SidePanel } from "./side_panel.ts";
import { SkillBar } from "./skill_bar.ts";
import { StatusBar } from "./status_bar.ts";
import { TargetFrame } from "./target_frame.ts";
import { Travel } from "./travel.ts";
import { createWorkerTimers } from "./worker_timers.ts";

/** Sent with LOGIN_REQUEST, so that a server can turn outdated pages away. */
const PAGE_VERSION = "0.1.0";
/** Logging in waits for a slow hash, and behind others: longer than any other request, in milliseconds. */
const REQUEST_TIMEOUT_MS = 20_000;
/** How often ping and countdown are brought up to date, in milliseconds. */
const STATUS_INTERVAL_MS = 250;
/** A connection gone for less than this is no news, in milliseconds. */
const LOSS_SHOWN_MS = 900;

class Page {
  readonly #client = new DrawbridgeClient({
    connect: (signal, server) => connectWebSocket(server?.gatewayUrl ?? webSocketUrl(), { signal }),
    clientVersion: PAGE_VERSION,
    deviceId: deviceId(),
    requestTimeoutMs: REQUEST_TIMEOUT_MS,
    timers: createWorkerTimers("timer_worker.js"),
  });
  readonly #canvas = byId("world", HTMLCanvasElement);
  readonly #hint = byId("hint", HTMLElement);
  readonly #hud = byId("hud", HTMLElement);
  readonly #scene = new GateScene();
  readonly #login = new LoginCard(
    (entry) => this.#enter((client) => logIn(client, entry, () => this.#login.setRegistered()), entry.name),
    () => {
      this.#isGivenUp = true;
      void this.#client.close();
    },
  );
  readonly #status = new StatusBar(() => this.#leave());
  readonly #nearby = new NearbyList();
  readonly #scale = new RenderScale();
  readonly #minimap = new Minimap();
  readonly #notice = new Notice();
  readonly #chat = new ChatPanel({
    onSay: (command) => this.#say(command),
    onLeave: () => this.#canvas.focus({ preventScroll: true }),
    onUnread: (roomId, count) => this.#rooms.setUnread(roomId, count),
  });
  readonly #pendingChat = new PendingChat();
  readonly #skills = new SkillBar({
    onUse: (skillId) => this.#game?.useSkill(skillId),
    onNext: () => this.#game?.selectNext(),
    onClear: () => this.#game?.clearTarget(),
  });
  readonly #target = new TargetFrame(() => {
    this.#game?.clearTarget();
    this.#canvas.focus({ preventScroll: true });
  });
  readonly #side: SidePanel = new SidePanel((tab) => {
    const desks = { guild: this.#guild, rooms: this.#rooms, friends: this.#friends, ranks: this.#ranks };
    if (tab !== "account") desks[tab].refresh();
  });
  readonly #guild: GuildDesk = new GuildDesk({
    client: this.#client,
    panel: this.#side,
    ownName: () => this.#ownName,
    onGuild: (name, tag) => this.#showGuild(name, tag),
    onWar: (text) => this.#announcement.show(text),
    onNews: (text) => this.#chat.addNote(text),
  });
  readonly #rooms: RoomDesk = new RoomDesk({
    client: this.#client,
    panel: this.#side,
    ownName: () => this.#ownName,
    onJoined: (roomId, name, history) => {
      this.#chat.addRoom(roomId, name, history.map(spokenLine));
      storeRooms(this.#rooms.roomNames);
    },
    onLeft: (roomId) => {
      this.#chat.removeRoom(roomId);
      storeRooms(this.#rooms.roomNames);
    },
    onEvent: (roomId, text) => this.#chat.addRoomNote(roomId, text),
    onNews: (text) => this.#chat.addNote(text),
    onOpen: (roomId) => {
      // A sheet would lie over the chat.
      if (this.#side.coveredBelow > 0) this.#side.close();
      this.#chat.openRoom(roomId);
    },
  });
  readonly #friends: FriendDesk = new FriendDesk({
    client: this.#client,
    panel: this.#side,
    onNews: (text) => this.#chat.addNote(text),
    onWhisper: (name) => {
      if (this.#side.coveredBelow > 0) this.#side.close();
      this.#chat.whisperTo(name);
    },
  });
  readonly #party: PartyDesk = new PartyDesk({
    client: this.#client,
    panel: this.#side,
    ownName: () => this.#ownName,
    onNews: (text) => this.#chat.addNote(text),
    onParty: (isInOne) => this.#chat.setOffered("party", isInOne),
    onInvites: (count) => this.#friends.setInvites(count),
  });
  readonly #ranks: RankDesk = new RankDesk({ client: this.#client, panel: this.#side });
  readonly #announcement = new Announcement();
  readonly #account = new AccountDesk({
    client: this.#client,
    panel: this.#side,
    onToken: (token) => storeLogin({ token, name: this.#ownName }),
  });
  /** Listens before the page does, so that the stay is there when the page shows it. */
  readonly #world = new WorldView(this.#client, {
    reader: FIGURES,
    onStay: () => {},
    onOwn: (update) => this.#game?.applyOwn(update),
    isPlaced: () => this.#game?.isDead ?? false,
  });
  /** Whether the login has kept an account that was to be deleted, and the player does not know it yet. */
  #isKept = false;
  /** The player was told what a safe area is. */
  #isSafetyKnown = false;
  readonly #travel = new Travel(this.#client, {
    onMap: (map) => this.#game?.setMap(mapLook(map)),
    onEntered: (entered) => this.#showMap(entered),
    onRefused: (text) => this.#skills.note(text),
  });
  readonly #portal = new PortalButton((portalId) => this.#travel.use(portalId));
  #game: GameView | null = null;
  #ownName = "";
  /** Whether the player is on the way in, so that the card and not a notice tells of trouble. */
  #isEntering = false;
  /** Whether the player no longer waits in the login queue. */
  #isGivenUp = false;
  /** The place of a player who comes back to a full world; `null`: not in the queue. */
  #queued: LoginQueueStatus | null = null;
  /** An invitation into a party is shown. */
  #isInvited = false;
  /** Whether the server answers, as far as is known. */
  #isAnswering = true;
  /** Whether the page was reloaded by a player who is logged in. */
  #isReturning = false;
  /** Why the server closed the connection last; `null` where it did not say. */
  #closedBy: DisconnectReason | null = null;
  /** What it said of it. */
  #explanation: Explanation | undefined;
  /** When reconnecting: why, since when, and when the next attempt is due; local milliseconds. */
  #lostBy: DisconnectReason | null = null;
  #lostWith: Explanation | undefined;
  #lostMs = 0;
  #retryMs = 0;
  /** When the player went down, in local milliseconds; -1: up. */
  #deadMs = -1;

  start(): void {
    this.#listen();
    this.#status.setConnection("idle");
    setInterval(() => this.#tick(), STATUS_INTERVAL_MS);
    const login = storedLogin();
    if (login === null) return this.#login.show();
    this.#isReturning = true;
    this.#enter(() => Promise.resolve(login.token), login.name);
  }

  #listen(): void {
    const client = this.#client;
    client.on("state", (state, change) => this.#stateChanged(state, change));
    client.on("answering", (isAnswering) => {
      this.#isAnswering = isAnswering;
      this.#tick();
    });
    client.on("sessionLost", (loss) => this.#sessionLost(loss));
    client.on(PacketType.ENTER_WORLD_RESPONSE, (entered) => {
      if (entered.success) this.#showWorld(entered);
    });
    client.on(PacketType.LOGIN_RESPONSE, ({ deletionCancelled }) => this.#isKept = deletionCancelled);
    client.on(PacketType.COMBAT_RESULT, (result) => this.#game?.applyResult(result));
    client.on(PacketType.CHAT_MESSAGE, (message) => this.#heard(message));
    client.on(PacketType.ERROR_RESPONSE, (error) => this.#refused(error));
    client.on(PacketType.LOGIN_QUEUE_STATUS, (status) => {
      if (!this.#isEntering) return void (this.#queued = status);
      this.#scene.turn(false);
      this.#login.showQueue(status.position, status.etaMs);
    });
    document.addEventListener("keydown", (event) => {
      const isFree = !isTyping() && !(document.activeElement instanceof HTMLButtonElement);
      if (event.key !== "Enter" || event.isComposing || this.#game === null || !isFree) return;
      event.preventDefault();
      this.#chat.focus();
    });
    addEventListener("online", () => this.#retryNow());
  }

  // In and out

  /** Connects, gets a token by `authenticate` and enters the world with it. */
  async #enter(authenticate: (client: DrawbridgeClient) => Promise<string>, name: string): Promise<void> {
    if (this.#isEntering) return;
    this.#isEntering = true;
    this.#ownName = name;
    this.#login.setBusy(TEXTS.login.calling);
    this.#notice.show(null);
    try {
      await this.#client.open();
      const token = await authenticate(this.#client);
      this.#scene.turn(true);
      this.#login.setBusy(TEXTS.login.entering);
      storeLogin({ token, name });
      const entered = await this.#client.enterWorld({ token });
      if (!entered.success) throw new Refusal(entered.errorCode, entered.explanation);
      rememberName(this.#ownName);
      this.#isEntering = false;
    } catch (error) {
      this.#isEntering = false;
      this.#turnedAway(error);
    }
  }

  #turnedAway(error: unknown): void {
    if (this.#isGivenUp) {
      this.#isGivenUp = false;
      storeLogin(null);
      return this.#showGate();
    }
    const notice = this.#closedBy;
    const code = error instanceof Refusal ? error.code : error instanceof RequestError ? error.code : null;
    // A refused token is useless; any other trouble may pass.
    if (code === ErrorCode.INVALID_TOKEN || code === ErrorCode.TOKEN_EXPIRED || code === ErrorCode.BANNED) {
      storeLogin(null);
    }
    this.#showGate();
    if (notice !== null) this.#login.showProblem(this.#closeText(notice));
    else if (error instanceof Refusal && error.explanation !== undefined) {
      this.#login.showProblem(explainedOr(error.explanation, errorText(error.code)));
    } else if (error instanceof Refusal) this.#login.showRefusal(error.code);
    else if (error instanceof RequestError && error.reason === "refused") this.#login.showRefusal(error.code);
    else {
      this.#login.showProblem(TEXTS.connect.unreachable);
      if (!(error instanceof RequestError)) void this.#explain();
    }
  }

  /** Browsers do not say why a WebSocket failed: the server is asked, and may answer what is wrong. */
  async #explain(): Promise<void> {
    const why = await connectProblem();
    if (why !== null && !this.#isEntering && this.#client.state !== "connected") this.#login.showProblem(why);
  }

  async #leave(): Promise<void> {
    storeLogin(null);
    const farewell = this.#client.state === "connected" ? this.#client.logout() : this.#client.close();
    this.#showGate();
    // The player is gone either way; the server notices a lost connection too.
    await farewell.catch(() => {});
  }

  #stateChanged(state: ClientState, { notice, retryInMs }: StateChange): void {
    this.#queued = null;
    this.#closedBy = notice?.reason ?? null;
    this.#explanation = notice?.explanation;
    if (state === "reconnecting") {
      if (this.#isEntering) return void this.#client.close();
      if (this.#lostMs === 0) {
        this.#lostMs = performance.now();
        this.#lostBy = this.#closedBy;
        this.#lostWith = this.#explanation;
      }
      this.#retryMs = performance.now() + (retryInMs ?? 0);
    } else {
      this.#lostMs = 0;
    }
    this.#game?.setConnected(state === "connected");
    if (state === "connected" && this.#game !== null) this.#travel.ask();
    if (state === "connected" && this.#deadMs < 0) this.#notice.show(null);
    if (state === "closed" && this.#game !== null && !this.#isEntering) this.#ended(notice?.reason ?? null);
    this.#tick();
  }

  /** The server ended the game. */
  #ended(reason: DisconnectReason | null): void {
    this.#status.setConnection(reason === DisconnectReason.LOGGED_IN_ELSEWHERE ? "replaced" : "closed");
    this.#status.setPing(null);
    this.#party.clear();
    const login = storedLogin();
    if (reason === DisconnectReason.LOGGED_IN_ELSEWHERE && login !== null) {
      this.#notice.show({
        title: TEXTS.connect.elsewhere,
        text: TEXTS.connect.elsewhereText,
        isLight: false,
        action: {
          text: TEXTS.connect.playHere,
          onClick: () => this.#enter(() => Promise.resolve(login.token), this.#ownName),
        },
        second: { text: TEXTS.connect.logOutHere, onClick: () => this.#leave() },
      });
      return;
    }
    if (reason === DisconnectReason.BANNED || reason === DisconnectReason.KICKED) storeLogin(null);
    this.#showGate();
    this.#login.showProblem(this.#closeText(reason ?? DisconnectReason.UNSPECIFIED));
  }

  /** Why the server closed the connection. */
  #closeText(reason: DisconnectReason): string {
    return explainedOr(this.#explanation, disconnectText(reason));
  }

  #sessionLost({ code, isReentering }: SessionLoss): void {
    this.#pendingChat.clear();
    this.#party.clear();
    if (isReentering) return this.#chat.addNote(TEXTS.connect.enteredAgain);
    storeLogin(null);
    this.#showGate();
    this.#login.showProblem(errorText(code));
    this.#client.close();
  }

  #retryNow(): void {
    if (this.#client.state === "reconnecting") this.#client.reconnectNow();
  }

  // What is shown

  #showWorld(entered: EnterWorldResponse): void {
    const isFirst = this.#game === null;
    this.#scene.turn(true);
    const { interestRadius, mapWidth, mapHeight } = entered;
    this.#setWorldShown(true);
    this.#status.setName(this.#ownName);
    this.#open(plainLook({ width: mapWidth, height: mapHeight, interestRadius }));
    this.#travel.ask();
    this.#guild.entered();
    this.#rooms.entered(isFirst ? storedRooms() : this.#rooms.roomNames);
    this.#friends.entered();
    this.#tick();
    if (!isFirst) return;
    for (const { senderName, ...line } of storedChat(this.#ownName, Date.now())) {
      const spoken = { ...line, senderName, channel: Channel.GLOBAL, recipientName: "", roomId: 0n };
      this.#chat.addSpoken(spoken, senderName === this.#ownName);
    }
    const { welcome, welcomeKeys, welcomeTouch, deletionCancelled } = TEXTS.login;
    this.#chat.addNote(`${welcome(this.#ownName)} ${hasKeys() ? welcomeKeys : welcomeTouch}`);
    if (this.#isKept) this.#chat.addNote(deletionCancelled);
    this.#isKept = false;
    this.#canvas.focus({ preventScroll: true });
  }

  /** Shows the map at the other end of a portal. */
  #showMap({ map }: { readonly map: MapInfo }): void {
    this.#open(mapLook(map));
    this.#chat.addNote(TEXTS.world.arrived(shownName(map.name)));
    this.#canvas.focus({ preventScroll: true });
  }

  #open(map: MapLook): void {
    this.#game?.close();
    this.#notice.show(null);
    this.#deadMs = -1;
    this.#game = new GameView(this.#world.stay!, map, {
      world: this.#world,
      canvas: this.#canvas,
      scale: this.#scale,
      minimap: this.#minimap,
      nearby: this.#nearby,
      status: this.#status,
      skills: this.#skills,
      target: this.#target,
      portal: this.#portal,
      ownName: this.#ownName,
      isFriend: (name) => this.#friends.has(name),
      reserved: () =>
        [...document.querySelectorAll(".hint, .panel, .skill, .map-name, .combat-note:not(:empty)")]
          .map((element) => element.getBoundingClientRect())
          .filter(({ width }) => width > 0),
      // What is above counts, too, where little is left between.
      coveredBelow: () => {
        const below = Math.max(this.#chat.coveredBelow, this.#side.coveredBelow);
        return Math.max(0, below - this.#hud.getBoundingClientRect().bottom);
      },
      onCast: (intent) => this.#cast(intent),
      onNamed: (name) => {
        this.#ownName = name;
        this.#status.setName(name);
      },
      onPass: (portalId) => this.#travel.use(portalId),
      onMoved: () => this.#hint.hidden = true,
      onSafe: () => this.#sayOnceSafe(),
      onKill: (victimName) => this.#chat.addNote(TEXTS.combat.killed(victimName)),
      onDead: (isDead) => {
        this.#deadMs = isDead ? performance.now() : -1;
        if (!isDead) this.#notice.show(null);
      },
    });
  }

  /** The ring says where; what it means is said once. */
  #sayOnceSafe(): void {
    if (this.#isSafetyKnown) return;
    this.#isSafetyKnown = true;
    this.#hint.classList.add("is-safe");
    this.#chat.addNote(TEXTS.world.safe(FIGHT_MS / 1_000));
  }

  #showGuild(name: string, tag: string): void {
    if (name === "") delete document.documentElement.dataset.guild;
    else document.documentElement.dataset.guild = name;
    this.#game?.setGuildTag(tag);
    this.#chat.setOffered("guild", name !== "");
  }

  #showGate(): void {
    this.#game?.close();
    this.#game = null;
    this.#world.leave();
    this.#pendingChat.clear();
    this.#guild.clear();
    this.#rooms.clear();
    this.#friends.clear();
    this.#party.clear();
    this.#ranks.clear();
    this.#account.clear();
    this.#announcement.clear();
    this.#chat.clear();
    this.#notice.show(null);
    this.#setWorldShown(false);
    this.#scene.turn(false);
    this.#login.show();
    if (this.#client.state !== "idle") this.#client.close();
    this.#status.setConnection("idle");
  }

  #setWorldShown(isShown: boolean): void {
    if (isShown) this.#login.hide(this.#isReturning);
    this.#isReturning = false;
    this.#canvas.hidden = !isShown;
    this.#hint.hidden = !isShown;
    this.#status.setShown(isShown);
    this.#minimap.setShown(isShown);
    this.#nearby.setShown(isShown);
    this.#skills.setShown(isShown);
    this.#chat.setShown(isShown);
    this.#side.setShown(isShown);
  }

  /** Brings up to date what changes with time alone. */
  #tick(): void {
    const { state } = this.#client;
    const nowMs = performance.now();
    if (state === "closed" || state === "idle") return;
    const seconds = Math.max(0, Math.ceil((this.#retryMs - nowMs) / 1_000));
    const status = state === "connected" && !this.#isAnswering ? "silent" : state;
    this.#status.setConnection(status, state === "reconnecting" ? seconds : 0);
    this.#status.setPing(status === "connected" ? this.#client.rttMs : null);
    if (this.#game === null) return;
    this.#guild.tick();
    this.#rooms.tick();
    if (state === "reconnecting" && this.#queued !== null) {
      const { position, etaMs } = this.#queued;
      this.#notice.show({
        title: TEXTS.page.queueTitle,
        text: `${TEXTS.queue.placeSpoken(position)} ${TEXTS.queue.wait(Math.ceil(etaMs / 60_000))}`,
        isLight: true,
        second: { text: TEXTS.page.queueLeave, onClick: () => this.#leave() },
      });
    } else if (state === "reconnecting" && nowMs - this.#lostMs >= LOSS_SHOWN_MS) {
      const why = this.#lostBy === null ? "" : `${explainedOr(this.#lostWith, disconnectText(this.#lostBy))} `;
      this.#notice.show({
        title: TEXTS.connect.lost,
        text: `${why}${TEXTS.connect.retry(seconds)}`,
        isLight: true,
        action: { text: TEXTS.connect.retryNow, onClick: () => this.#retryNow() },
      });
    } else if (this.#deadMs >= 0 && state === "connected") {
      this.#showDead(nowMs - this.#deadMs);
    } else if (state === "connected") {
      this.#showInvite();
    }
  }

  /** An invitation into a party lapses soon, so it is shown where it cannot be missed. */
  #showInvite(): void {
    const { invite } = this.#party;
    if (invite === null && !this.#isInvited) return;
    this.#isInvited = invite !== null;
    this.#notice.show(
      invite && {
        title: TEXTS.parties.invitation,
        text: TEXTS.parties.invitesYou(invite.inviterName),
        isLight: true,
        action: { text: TEXTS.lists.accept, onClick: () => invite.answer(true) },
        second: { text: TEXTS.lists.decline, onClick: () => invite.answer(false) },
      },
    );
  }

  #showDead(deadMs: number): void {
    const seconds = Math.max(0, Math.ceil((RESPAWN_DELAY_MS - deadMs) / 1_000));
    const byItself = Math.max(0, Math.ceil((RESPAWN_DELAY_MS_MAX - deadMs) / 1_000));
    const killer = this.#game?.killerName ?? null;
    this.#notice.show({
      title: killer === null ? TEXTS.combat.died : TEXTS.combat.killedBy(killer),
      text: TEXTS.combat.respawn(seconds, byItself),
      isLight: true,
      action: {
        text: TEXTS.combat.riseAgain,
        isDisabled: seconds > 0,
        onClick: () => {
          this.#client.send(RespawnRequestSchema, {});
          this.#canvas.focus({ preventScroll: true });
        },
      },
    });
  }

  // Walking, fighting and talking

  #cast({ skillId, targetId, targetPosition, actionSequence }: CombatIntent): void {
    this.#client.send(CombatActionSchema, { skillId, targetId: BigInt(targetId), targetPosition, actionSequence });
  }

  #say({ channel, message, recipientName, roomId }: SayCommand): boolean {
    const result = this.#client.send(ChatMessageSchema, { channel, message, recipientName, roomId });
    if (result === "full" || result === "dropped") {
      this.#chat.addNote(TEXTS.chat.notSent, "error");
      return false;
    }
    this.#pendingChat.add({ channel, message, recipientName });
    if (result === "queued") this.#chat.addNote(TEXTS.chat.sentLater);
    return true;
  }

  #heard(heard: ChatMessage): void {
    const { channel, senderName } = heard, message = heardText(heard);
    const isOwn = senderName.toLowerCase() === this.#ownName.toLowerCase();
    if (isOwn) this.#pendingChat.answered(channel, message);
    this.#chat.addSpoken(spokenLine(heard), isOwn);
    if (channel === Channel.GLOBAL) {
      storeChatLine(this.#ownName, { senderName, text: message, timestampMs: Number(heard.timestamp) });
    }
    if (channel === Channel.SYSTEM) this.#announcement.show(message);
    if (channel === Channel.GLOBAL || channel === Channel.AREA) this.#game?.say(senderName, message);
  }

  /** Requests have their own answers; what is left is chat, blows and the like. */
  #refused({ requestType, errorCode: code, explanation }: ErrorResponse): void {
    switch (requestType) {
      case PacketType.CHAT_MESSAGE: {
        const text = chatErrorText(code, this.#pendingChat.refused(code));
        return this.#chat.addNote(explainedOr(explanation, text), "error");
      }
      case PacketType.COMBAT_ACTION:
        return this.#game?.refuseCombat(code);
      case PacketType.RESPAWN_REQUEST:
        return this.#chat.addNote(errorText(code), "error");
      case PacketType.GUILD_SET_RANK_REQUEST:
        return this.#guild.refused(code);
      case PacketType.FRIEND_REQUEST:
      case PacketType.FRIEND_ANSWER:
      case PacketType.FRIEND_REMOVE:
      case PacketType.IGNORE_ADD:
      case PacketType.IGNORE_REMOVE:
        return this.#friends.refused(requestType, code);
    }
  }
}

/** A CHAT_MESSAGE, as the chat shows it. */
function spokenLine(heard: ChatMessage): SpokenLine {
  const { channel, senderName, recipientName, timestamp, roomId } = heard;
  return { channel, senderName, recipientName, text: heardText(heard), timestampMs: Number(timestamp), roomId };
}

/** What was said; what the server says by itself, in the page's language. */
function heardText({ channel, explanation, message }: ChatMessage): string {
  return channel === Channel.SYSTEM ? explainedOr(explanation, message) : message;
}

/** A response that says no. */
class Refusal extends Error {
  override name = "Refusal";

  /** @param explanation What the server said of it. */
  constructor(readonly code: ErrorCode, readonly explanation?: Explanation) {
    super(`The server refused: ${ErrorCode[code] ?? code}`);
  }
}

/** Logs in, with a new account where that is asked for, and gives the session token. */
async function logIn(
  client: DrawbridgeClient,
  { mode, name, password }: LoginEntry,
  onRegistered: () => void,
): Promise<string> {
  if (mode === "register") {
    const registered = await client.register(name, password);
    if (!registered.success) throw new Refusal(registered.errorCode);
    onRegistered();
  }
  const loggedIn = await client.login(name, password);
  if (!loggedIn.success) throw new Refusal(loggedIn.errorCode, loggedIn.explanation);
  return loggedIn.sessionToken;
}

/** The gateway's WebSocket, beside this page. */
function webSocketUrl(): string {
  const url = new URL("ws", location.href);
  url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  url.search = url.hash = "";
  return url.href;
}

translatePage();
guardComposition();
new Page().start();
