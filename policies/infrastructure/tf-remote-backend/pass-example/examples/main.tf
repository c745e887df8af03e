# not-applicable: it is no root module: it is in a folder `examples`
terraform {
  backend "local" {}
}

provider "aws" {}
