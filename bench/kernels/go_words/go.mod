module wplug/bench/kernels/go_words

go 1.24
