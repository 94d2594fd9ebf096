"""The CloudFormation stack: planned, priced, deployed, described and removed."""
