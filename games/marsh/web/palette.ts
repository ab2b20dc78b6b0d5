/** The colours of the canvas: dusk over stone, torchlight for what matters. `style.css` has the same ones. @module */

export const COLORS = {
  beyond: "#0e0b1c",
  water: "#1b2145",
  waterLine: "rgb(122 140 214 / 16%)",
  slabLine: "#332f49",
  portal: "#9d8cff",
  portalLight: "#d3c9ff",
  portalDark: "#2a1f5c",
  /** Red, green and blue. */
  portalGlow: "146 124 255",
  wall: "#564a6e",
  wallTop: "#6d5f86",
  wallLine: "#3a3152",
  roofLight: "#96506a",
  roofDark: "#4c2441",
  chain: "#b9b4cf",
  shore: "#19152c",
  plank: "#a2683f",
  plankLine: "#4a2a2c",
  torch: "#ffb454",
  torchLight: "#ffd18f",
  flame: "#fff3d6",
  text: "#f6ecdc",
  outline: "rgb(14 9 28 / 85%)",
  interest: "rgb(255 209 143 / 24%)",
  ink: "#1d1430",
  shadow: "rgb(8 5 18 / 45%)",
  facing: "rgb(246 236 220 / 42%)",
  face: "#f3d9bd",
  monster: "#5a3b78",
  slime: "#4f9d7c",
  slimeLight: "#a8ecc8",
  wolf: "#8b8fa6",
  wolfDark: "#565a72",
  bone: "#e6dcc6",
  golem: "#7d7288",
  golemDark: "#4e465c",
  stone: "#8d86a3",
  leech: "#7a3f4f",
  leechLight: "#d98f9a",
  ghost: "#a9c7d8",
  frost: "#dfe8f7",
  frostDark: "#8a9cc0",
  rime: "#7fb2e6",
  ember: "#ff8f7d",
  mint: "#7fdcc4",
  /** The same: red, green and blue. */
  safe: "127 220 196",
} as const;

/** The colours of one kind of ground, and what stands on it. */
export interface GroundColors {
  readonly grass: string;
  /** Red, green and blue of light and dark spots. */
  readonly grassLight: string;
  readonly grassDark: string;
  readonly tuft: string;
  readonly flowers: readonly string[];
  readonly pebble: string;
  readonly path: string;
  readonly pathLight: string;
  readonly slab: string;
  readonly slabLine: string;
  /** Whether there is a plaza with a fountain in the middle. */
  readonly hasPlaza: boolean;
}

/** By the theme that the server names. */
export const GROUNDS: Readonly<Record<"meadow" | "cave" | "marsh" | "snow", GroundColors>> = {
  meadow: {
    grass: "#27323c",
    grassLight: "104 138 118",
    grassDark: "10 12 28",
    tuft: "rgb(126 158 134 / 42%)",
    flowers: ["#f2a0b8", "#ffd18f", "#b8a6f0"],
    pebble: "#4a4a5f",
    path: "#4b3f49",
    pathLight: "#5a4b50",
    slab: "#4d4863",
    slabLine: "#332f49",
    hasPlaza: true,
  },
  cave: {
    grass: "#1e1a2b",
    grassLight: "96 82 128",
    grassDark: "4 2 12",
    tuft: "rgb(140 120 170 / 20%)",
    flowers: ["#67e0d0", "#8f7bff", "#4fb6c9"],
    pebble: "#3c3552",
    path: "#2d2740",
    pathLight: "#38304e",
    slab: "#3b3450",
    slabLine: "#241f36",
    hasPlaza: false,
  },
  marsh: {
    grass: "#1f3230",
    grassLight: "92 130 84",
    grassDark: "6 24 34",
    tuft: "rgb(150 170 96 / 48%)",
    flowers: ["#c8e07a", "#7fdcc4", "#e6dcc6"],
    pebble: "#2f5a60",
    path: "#3a3f34",
    pathLight: "#4a4c3c",
    slab: "#454a42",
    slabLine: "#2b302a",
    hasPlaza: false,
  },
  snow: {
    grass: "#566a8c",
    grassLight: "206 224 248",
    grassDark: "44 54 92",
    tuft: "rgb(226 238 255 / 46%)",
    flowers: ["#eaf4ff", "#bcd8ff", "#d8c9ff"],
    pebble: "#8798b8",
    path: "#46557a",
    pathLight: "#516289",
    slab: "#5b6a90",
    slabLine: "#3b476c",
    hasPlaza: true,
  },
};

/** Hues of cloaks, in degrees: apart from each other, and from the grass. */
const CLOAK_HUES = [8, 28, 46, 172, 200, 222, 262, 290, 325, 345];

/** The colour of a player's cloak: the same on every screen, as it comes from the name. */
export function cloakColor(name: string): { readonly main: string; readonly dark: string; readonly light: string } {
  let hash = 7;
  for (let index = 0; index < name.length; index++) hash = (hash * 31 + name.charCodeAt(index)) >>> 0;
  const hue = CLOAK_HUES[hash % CLOAK_HUES.length];
  return { main: `hsl(${hue} 58% 56%)`, dark: `hsl(${hue} 52% 36%)`, light: `hsl(${hue} 72% 72%)` };
}

/** A number from 0 to below 1 that depends on a place only, so that the same grass grows on every screen. */
export function noise(x: number, z: number, salt: number): number {
  let hash = (Math.imul(x, 0x27d4eb2d) ^ Math.imul(z, 0x165667b1) ^ Math.imul(salt, 0x9e3779b1)) >>> 0;
  hash = Math.imul(hash ^ (hash >>> 15), 0x85ebca6b) >>> 0;
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35) >>> 0;
  return ((hash ^ (hash >>> 16)) >>> 0) / 4_294_967_296;
}
