/* The browsers that are installed on this machine. None is ever downloaded. */
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

function findProgram(names) {
    for (const name of names) {
        for (const folder of (process.env.PATH ?? '').split(delimiter)) {
            try {
                accessSync(join(folder, name), constants.X_OK);
                return join(folder, name);
            } catch {
                /* Not there: on to the next. */
            }
        }
    }
    return undefined;
}

const kinds = {
    chromium: {
        programs: ['chromium', 'chromium-browser', 'google-chrome'],
        options: {
            /* The sandbox of Chromium's processes does not work for root, as which tests often run in containers. */
            chromiumSandbox: process.getuid?.() !== 0,
            args: [
                '--disable-gpu',
                '--disable-quic',
                '--no-first-run',
                '--disable-background-networking',
                '--disable-component-update',
                '--disable-sync',
            ],
        },
    },
    /* The channel is the one for a Firefox as Mozilla ships it, over WebDriver BiDi. */
    firefox: { programs: ['firefox-esr', 'firefox'], options: { channel: 'moz-firefox' } },
};

export const browserNames = Object.keys(kinds);

/** Starts a browser without a window; undefined where it is not installed. `more` goes to playwright too. */
export async function launch(name, more = {}) {
    const { programs, options } = kinds[name];
    const executablePath = findProgram(programs);
    if (!executablePath) return undefined;
    const playwright = await import('playwright-core');
    return playwright[name].launch({ headless: true, executablePath, ...options, ...more });
}
