package dev.wplug;

/**
 * Owns an object of the library: it is freed when it was closed and no thread is in a native function with it any more.
 * Every such function is called between enter and leave.
 */
abstract class Handle {
    private final String what;
    private long pointer;
    private int users;
    private boolean isClosed;

    Handle(String what) {
        this.what = what;
    }

    abstract void free(long pointer);

    final synchronized void own(long pointer) {
        this.pointer = pointer;
    }

    final synchronized long enter() {
        if (isClosed) throw new IllegalStateException("the " + what + " is closed");
        users++;
        return pointer;
    }

    final void leave() {
        long last;
        synchronized (this) {
            users--;
            last = takeIfLast();
        }
        if (last != 0) free(last);
    }

    final void markClosed() {
        long last;
        synchronized (this) {
            isClosed = true;
            last = takeIfLast();
        }
        if (last != 0) free(last);
    }

    final synchronized boolean isClosed() {
        return isClosed;
    }

    private long takeIfLast() {
        if (!isClosed || users > 0) return 0;
        long last = pointer;
        pointer = 0;
        return last;
    }
}
