"""The embedded account: the AWS services that the flow uses, on this machine, without an AWS account."""
