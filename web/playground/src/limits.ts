// The limits of a call. An empty field leaves the library's own limit.

import type { Limits } from 'wplug';
import { find, make } from './dom';

export function createLimits(): () => Limits {
    const field = (id: string, label: string, value: string) => {
        const input = make('input', {
            id,
            type: 'number',
            min: 1,
            value,
            inputmode: 'numeric',
            placeholder: 'as it is',
        });
        find('limits').append(make('label', { for: id }, label), input);
        return () =>
            input.value === '' || !(input.valueAsNumber >= 1) ? undefined : Math.floor(input.valueAsNumber);
    };
    const time = field('limit-time', 'Time, in milliseconds', '');
    const fuel = field('limit-fuel', 'Fuel, about one instruction each', '');
    const memory = field('limit-memory', 'Memory, in MiB', '');
    return () => {
        const mib = memory();
        return {
            timeMs: time(),
            fuel: fuel(),
            memoryBytes: mib === undefined ? undefined : mib * 1024 * 1024,
        };
    };
}
