/* calls.js in a process of Node, for places.mjs, which sends what is to be done. */
import * as calls from './calls.js';

process.on('message', async ({ id, what, args }) => {
    try {
        process.send({ id, value: await calls[what](args) });
    } catch (error) {
        process.send({ id, problem: error.stack });
    }
});
