# The tour of docs/tour.sh, whole, on our token and on SoftHSM2.

for provider in keyway softhsm; do
    check "the tour on $provider" docs/tour.sh --profile "$profile" --on $provider
    grep 'MB/s' "$work/out"
done
