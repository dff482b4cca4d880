/** Repeats a request that the service had no place for, a bounded number of times. */

import { ApiProblem } from "./problems.js";

const TRIES = 4;
const LONGEST_WAIT_S = 20; // longer than this a person should decide, not the page

function isBusy(error) {
  return error instanceof ApiProblem && ["OVERLOADED", "RATE_LIMITED"].includes(error.code);
}

function sleep(seconds, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, seconds * 1000);
    signal?.addEventListener(
      "abort",
      () => {
        clearTimeout(timer);
        reject(signal.reason);
      },
      { once: true },
    );
  });
}

/**
 * @template T
 * @param {() => Promise<T>} attempt
 * @param {AbortSignal} signal
 * @param {(wait: {seconds: number, attempt: number, tries: number}) => void} onWait
 * @returns {Promise<T>}
 */
export async function withPatience(attempt, signal, onWait) {
  for (let number = 1; ; number += 1) {
    try {
      return await attempt();
    } catch (error) {
      if (!isBusy(error) || number === TRIES) throw error;
      const seconds = error.retryAfterS ?? number;
      if (seconds > LONGEST_WAIT_S) throw error;
      onWait({ seconds, attempt: number + 1, tries: TRIES });
      await sleep(seconds, signal);
    }
  }
}
