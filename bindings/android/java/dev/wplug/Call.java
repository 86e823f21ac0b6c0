package dev.wplug;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;

/**
 * A call that was started. It completes with the plugin's answer, or with a {@link CallException} or {@link RpcException}; on
 * the host's executor where it has one, else on the thread that ran it. To cancel it ends the plugin's run, too.
 */
public final class Call extends CompletableFuture<Result> {
    private final Host host;
    private final Executor executor;
    private volatile long task;

    Call(Host host, Executor executor) {
        this.host = host;
        this.executor = executor;
    }

    void started(long task) {
        this.task = task;
    }

    @Override
    public boolean cancel(boolean mayInterruptIfRunning) {
        boolean isCancelled = super.cancel(mayInterruptIfRunning);
        if (isCancelled) host.cancel(task);
        return isCancelled;
    }

    /** Comes from native code, once. The texts are null where there was no memory for them. */
    void finished(int number, byte[] message, byte[] json, long code, byte[] error, byte[] data, int exitCode,
            byte[] backtrace, long fuelUsed, long timeNanos, long memoryBytes) {
        Status status = Status.of(number);
        if (status == Status.OK) {
            Result result = new Result(Text.fromNative(json), fuelUsed, timeNanos, memoryBytes);
            hand(() -> complete(result));
        } else if (status == Status.RPC_ERROR) {
            String value = data == null || data.length == 0 ? null : Text.fromNative(data);
            RpcException failure = new RpcException(code, Text.fromNative(error), value, Text.fromNative(message));
            hand(() -> completeExceptionally(failure));
        } else {
            CallException failure = new CallException(status, Text.fromNative(message), Text.fromNative(backtrace), exitCode);
            hand(() -> completeExceptionally(failure));
        }
    }

    private void hand(Runnable completion) {
        if (executor != null) {
            try {
                executor.execute(completion);
                return;
            } catch (RejectedExecutionException e) {
                // It was shut down. Nobody shall wait in vain for that.
            }
        }
        completion.run();
    }
}
