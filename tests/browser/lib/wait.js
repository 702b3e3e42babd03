// Waiting on conditions: tests never sleep for a fixed time.

const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Thrown by a probe when waiting on makes no sense. */
export class Hopeless extends Error {}

/**
 * Asks `probe` again and again until it gives something truthy, and returns that.
 * `what` ends up in the error together with what was seen last.
 */
export async function until(what, probe, { timeout = 60_000, every = 100 } = {}) {
    const deadline = performance.now() + timeout;
    let last;
    for (;;) {
        try {
            last = await probe();
            if (last) return last;
        } catch (error) {
            if (error instanceof Hopeless) throw error;
            last = error;
        }
        if (performance.now() >= deadline) {
            const seen = last instanceof Error ? last.message : JSON.stringify(last);
            throw new Error(`waited ${timeout / 1000} s in vain: ${what} (last seen: ${seen})`);
        }
        await pause(every);
    }
}

/** Rejects with `what` when `promise` takes longer than `timeout` milliseconds. */
export async function within(what, promise, timeout) {
    let timer;
    const limit = new Promise((_, reject) => {
        timer = setTimeout(() => reject(new Error(`took longer than ${timeout / 1000} s: ${what}`)), timeout);
    });
    try {
        return await Promise.race([promise, limit]);
    } finally {
        clearTimeout(timer);
    }
}
