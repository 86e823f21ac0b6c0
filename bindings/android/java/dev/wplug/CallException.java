package dev.wplug;

/** A call ended without an answer: a trap, a limit, cancelled. The status says which. */
public final class CallException extends WplugException {
    private static final long serialVersionUID = 1;
    private final String backtrace;
    private final int exitCode;

    CallException(Status status, String message, String backtrace, int exitCode) {
        super(status, message);
        this.backtrace = backtrace;
        this.exitCode = exitCode;
    }

    /** Where the guest stood, innermost frame first, a line each; "" before it ran. */
    public String backtrace() {
        return backtrace;
    }

    /** Of {@link Status#EXITED}, and of {@link Status#RAISED} 128 + signal. */
    public int exitCode() {
        return exitCode;
    }
}
