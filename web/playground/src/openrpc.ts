// What a plugin says about itself: the OpenRPC document that rpc.discover answers. It comes from the plugin,
// so nothing in it is relied on; what is not as expected is left out.

import { checkValue, sampleValue, type Schema } from './schema';

export interface Param {
    name: string;
    description: string;
    required: boolean;
    schema: Schema;
}

export interface Method {
    name: string;
    summary: string;
    description: string;
    params: Param[];
    result?: Schema;
    errors: { code: number; message: string }[];
}

export interface Description {
    title: string;
    version: string;
    about: string;
    methods: Method[];
    hostMethods: { name: string; summary: string }[];
}

type Unknown = Record<string, unknown>;

const isObject = (value: unknown): value is Unknown =>
    typeof value === 'object' && value !== null && !Array.isArray(value);
const text = (value: unknown): string => (typeof value === 'string' ? value : '');
const objects = (value: unknown): Unknown[] => (Array.isArray(value) ? value.filter(isObject) : []);

function readMethod(method: Unknown): Method {
    const result =
        isObject(method.result) && isObject(method.result.schema) ? method.result.schema : undefined;
    return {
        name: text(method.name),
        summary: text(method.summary),
        description: text(method.description),
        params: objects(method.params).map((param) => ({
            name: text(param.name),
            description: text(param.description) || text(param.summary),
            required: param.required === true,
            schema: (isObject(param.schema) ? param.schema : {}) as Schema,
        })),
        result: result as Schema | undefined,
        errors: objects(method.errors).map((error) => ({
            code: Number(error.code),
            message: text(error.message),
        })),
    };
}

/** Reads a document; undefined where it is none, or lists no methods. */
export function readDescription(document: unknown): Description | undefined {
    if (!isObject(document)) return undefined;
    const info = isObject(document.info) ? document.info : {};
    const methods = objects(document.methods)
        .map(readMethod)
        .filter((method) => method.name !== '');
    if (methods.length === 0) return undefined;
    return {
        title: text(info.title),
        version: text(info.version),
        about: text(info.description),
        methods,
        hostMethods: objects(document['x-host-methods']).map((method) => ({
            name: text(method.name),
            summary: text(method.summary),
        })),
    };
}

/** What is to be said about params that a method is going to get: an object by name, an array by position. */
export function checkParams(method: Method, params: unknown): string[] {
    if (Array.isArray(params)) {
        const problems = params.flatMap((value, i) => {
            const param = method.params[i];
            return param ? checkValue(param.schema, value, param.name) : [];
        });
        if (params.length > method.params.length)
            problems.push(
                `${method.name} takes ${method.params.length} parameters, these are ${params.length}`,
            );
        for (const param of method.params.slice(params.length))
            if (param.required) problems.push(`${param.name} is required`);
        return problems;
    }
    if (isObject(params)) {
        const problems: string[] = [];
        for (const param of method.params) {
            if (Object.hasOwn(params, param.name))
                problems.push(...checkValue(param.schema, params[param.name], param.name));
            else if (param.required) problems.push(`${param.name} is required`);
        }
        for (const name of Object.keys(params))
            if (!method.params.some((param) => param.name === name))
                problems.push(`${method.name} knows no ${name}`);
        return problems;
    }
    if (params === null)
        return method.params.filter((param) => param.required).map((param) => `${param.name} is required`);
    const first = method.params[0];
    return first ? checkValue(first.schema, params, first.name) : [`${method.name} takes no parameters`];
}

/** Params to begin with: what is required, or null where nothing is taken. */
export function sampleParams(method: Method): unknown {
    if (method.params.length === 0) return null;
    const required = method.params.filter((param) => param.required);
    return Object.fromEntries(required.map((param) => [param.name, sampleValue(param.schema)]));
}
