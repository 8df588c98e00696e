#!/bin/sh
# A QEMU that fails with KVM, as FAKE_QEMU says, and is the real one with anything else.
case " $* " in
    *" -accel kvm "*) ;;
    *) exec qemu-system-x86_64 "$@" ;;
esac
case $FAKE_QEMU in
    dies)
        echo "qemu: no KVM today" >&2
        exit 1
        ;;
    killed) kill -ABRT $$ ;;
    stops)
        # Paused, as QEMU is when KVM has given up: -S, under the translator.
        count=$#
        while [ "$count" -gt 0 ]; do
            word=$1
            shift
            case $word in
                kvm) word=tcg ;;
                host*) word=max ;;
            esac
            set -- "$@" "$word"
            count=$((count - 1))
        done
        exec qemu-system-x86_64 "$@" -S
        ;;
esac
