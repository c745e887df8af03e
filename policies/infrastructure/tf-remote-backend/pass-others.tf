# Consul keeps state remotely as well.
terraform {
  required_version = "~> 1.9"
}

terraform {
  backend "consul" {}
}

provider "aws" {}
