module wplug/bench/modules/go_packages

go 1.24
