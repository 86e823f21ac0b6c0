package dev.wplug;

/** How a call is run. */
public final class CallOptions {
    static final CallOptions NONE = new CallOptions();

    Limits limits;
    int priority;

    /** Instead of the plugin's. */
    public CallOptions limits(Limits limits) {
        this.limits = limits;
        return this;
    }

    /** From -2, least urgent, to 2. */
    public CallOptions priority(int priority) {
        this.priority = priority;
        return this;
    }
}
