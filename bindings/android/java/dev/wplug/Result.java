package dev.wplug;

/** What a plugin answered, and what that took. */
public final class Result {
    private final String json;
    private final long fuelUsed, timeNanos, memoryBytes;

    Result(String json, long fuelUsed, long timeNanos, long memoryBytes) {
        this.json = json;
        this.fuelUsed = fuelUsed;
        this.timeNanos = timeNanos;
        this.memoryBytes = memoryBytes;
    }

    /** As the plugin wrote it. */
    public String json() {
        return json;
    }

    public long fuelUsed() {
        return fuelUsed;
    }

    /** From the start to the answer. */
    public long timeNanos() {
        return timeNanos;
    }

    /** Linear memory at the answer. */
    public long memoryBytes() {
        return memoryBytes;
    }

    /** The same as {@link #json}. */
    @Override
    public String toString() {
        return json;
    }
}
