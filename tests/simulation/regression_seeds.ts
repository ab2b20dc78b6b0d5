/** Seeds that once found something. @module */

/** A seed, with what it found. */
interface RegressionSeed {
  readonly seed: number;
  readonly was: string;
}

/** Of one server. */
export const REGRESSION_SEEDS: readonly RegressionSeed[] = [
  {
    seed: 1759025227,
    was: "Chat beyond what waits for a slow ignore list was left out, whispers among it, and nothing told of it",
  },
  { seed: 1900007386, was: "A snapshot of the new map overtook MAP_ENTERED, which waited for room in the ring" },
  {
    seed: 539158874,
    was: "Monsters struck who fell silent as it was to leave: its entity stayed longer than was allowed here",
  },
  {
    seed: 1991679355,
    was: "Whispers that waited for room as their recipient logged out were kept as missed, and sent as well",
  },
  {
    seed: 1259111292,
    was: "A logout waited 2,000 ms for its save, which the judge took for a little less, as a difference is rounded",
  },
  {
    seed: 191221221,
    was: "The judge did not know that a line to many makes way from between others while nobody is connected",
  },
  {
    seed: 291455308,
    was: "A request that was refused as it took too long was answered once more when it was done",
  },
  {
    seed: 291455229,
    was: "The judge did not know of a whisper to a client that only logs in, whose connection was silent",
  },
];

/** Of servers that share a database. */
export const CLUSTER_REGRESSION_SEEDS: readonly RegressionSeed[] = [
  {
    seed: 1648646877,
    was: "What a server sent before its client began to read was overwritten by the simulated network",
  },
  {
    seed: 1750940434,
    was:
      "Who logged in on one server as its session on another came back heard a line in both, which counted here as twice",
  },
  {
    seed: 1850646059,
    was: "A lease lapsed because the renewal after one that was answered late was counted from the answer",
  },
  {
    seed: 1815468359,
    was: "The judge did not know of a whisper to a client that only logs in, which was gone before it came",
  },
  {
    seed: 1905275625,
    was:
      "The judge did not know that a whisper may come late which a silent server had, whose session went on elsewhere",
  },
  {
    seed: 1369367790,
    was: "The judge took it for calm while a server still stood still, which then said what it had taken before",
  },
  {
    seed: 55431575,
    was: "The judge took two connections of a client that only logs in for one session, in which nothing is heard late",
  },
  {
    seed: 1543686981,
    was: "The judge did not know that a whisper which was kept may come late also to a client that only logs in",
  },
];
