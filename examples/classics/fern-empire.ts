/**
 * Fern Empire, the game server of "Programming Rust" (J. Blandy, J. Orendorff, L. Tindall, chapter 19): players join a waiting list, which is
 * a Mutex; matchmakers wait for enough of them, with a Condvar, and start a game by the rules of a configuration, which is an RwLock.
 *
 *     broken   `if` there are too few, wait: when the matchmaker goes on, another one may have taken the players
 *     right    `while` there are too few, wait
 */
import { array, Condvar, Mutex, RwLock, struct, u32, type Infer, type MutexGuard } from "ferrous";
import type { Scenario } from "ferrous/check";
import { expectEqual } from "./classic.ts";

const MATCHMAKERS = 2;
const MOST_PLAYERS = 4;

const WaitingList = struct("FernWaitingList", { length: u32, ids: array(u32, MOST_PLAYERS) });
type WaitingList = Infer<typeof WaitingList>;

const AppConfig = struct("FernAppConfig", { gameSize: u32, revision: u32 });
type AppConfig = Infer<typeof AppConfig>;

interface App {
  readonly games: number;
  readonly waitingList: Mutex<WaitingList>;
  readonly joined: Condvar;
  readonly left: Condvar;
  readonly config: RwLock<AppConfig>;
}

/** Loads the configuration anew; then players join one after another, while there is room. */
function welcome({ waitingList, joined, left, games, config }: App): void {
  config.withWrite((value) => {
    value.revision += 1;
  });
  const players = MATCHMAKERS * games * config.withRead(({ gameSize }) => gameSize);
  for (let id = 1; id <= players; id++) {
    const guard = waitingList.lock();
    left.waitWhile(guard, ({ length }) => length === MOST_PLAYERS);
    guard.value.ids[guard.value.length++] = id;
    guard.release();
    joined.notifyOne();
  }
}

/** Waits until there may be enough players. */
type Patience = (app: App, guard: MutexGuard<WaitingList>, gameSize: number) => void;

/** Starts games; returns the sum of its players' ids. */
const matchmaker =
  (waitForPlayers: Patience) =>
  (app: App): number => {
    let sum = 0;
    for (let game = 0; game < app.games; game++) {
      const gameSize = app.config.withRead((config) => config.gameSize);
      const guard = app.waitingList.lock();
      waitForPlayers(app, guard, gameSize);
      for (let player = 0; player < gameSize; player++) sum += guard.value.ids[--guard.value.length] ?? 0;
      guard.release();
      app.left.notifyOne();
    }
    return sum;
  };

const open = (games: number, match: (app: App) => number): Scenario<App> => ({
  setup: () => ({
    games,
    waitingList: new Mutex(WaitingList.create(), { name: "waiting list" }),
    joined: new Condvar({ name: "joined", waiters: MATCHMAKERS }),
    left: new Condvar({ name: "left", waiters: 1 }),
    config: new RwLock(AppConfig.create({ gameSize: 1 }), { name: "config", readers: MATCHMAKERS + 1 }),
  }),
  threads: { door: welcome, first: match, second: match },
  after: ({ waitingList, config }, { first, second }) => {
    const players = MATCHMAKERS * games;
    expectEqual(
      "the revision",
      config.withRead(({ revision }) => revision),
      1,
    );
    expectEqual("players left", waitingList.lock().value.length, 0);
    expectEqual("the sum of the players' ids", Number(first) + Number(second), (players * (players + 1)) / 2);
  },
});

export const right = (games = 1): Scenario<App> =>
  open(
    games,
    matchmaker(({ joined }, guard, gameSize) => joined.waitWhile(guard, ({ length }) => length < gameSize)),
  );

export const broken = (games = 1): Scenario<App> =>
  open(
    games,
    matchmaker(({ joined }, guard, gameSize) => guard.value.length < gameSize && joined.wait(guard)),
  );
