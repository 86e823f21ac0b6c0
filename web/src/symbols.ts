/** Engines without `using` lack its symbol, and compilers that turn `using` into older code look for it. */
if (!Symbol.dispose) {
    Object.defineProperty(Symbol, 'dispose', { value: Symbol('Symbol.dispose') });
}
export {};
