import type { Answer, Job } from "./subject/check.ts";

/** Where everything lies that a run needs. */
export interface Stage {
  /** Repository. */
  root: string;
  /** test/engines: its node_modules hold the engines. */
  home: string;
  /** Files made for this run; node_modules/nibblenet in it is the package as npm would install it. */
  build: string;
  archive: string;
  /** Tiers of the default entry, best first. */
  tiers: readonly string[];
  /** What the keyword model hears in the clip whose features are in build/clip.f32, for the examples. */
  clip: Clip;
}

export interface Clip {
  heard: string;
  logits: number[];
}

/** One place in an engine where code runs: the engine itself, a page, a worker. */
export interface Place {
  name: string;
  /** A fresh process, page or isolate for every job. */
  run(job: Job): Promise<Answer>;
  /** Tiers to ask for; those of the default entry unless given. */
  tiers?: readonly string[];
  /** Tiers that this place can't have, and why; a refusal of any other is a fault. */
  refuses?: Record<string, string>;
}

export interface Running {
  version: string;
  places: Place[];
  /** Examples and refusals that only this engine can show; each answers a line for the page. */
  extras?: { name: string; run(): Promise<string> }[];
  close(): Promise<void>;
}

export interface Engine {
  name: string;
  /** Only with --all: big to install, or slow. */
  slow?: boolean;
  /** Debian packages. */
  apt?: string[];
  /** @throws Error saying why it can't run here. */
  start(stage: Stage): Promise<Running>;
}

/** The answer on the last line of a program's output. */
export const answerIn = (text: string): Answer => JSON.parse(text.trim().split("\n").at(-1)!);
