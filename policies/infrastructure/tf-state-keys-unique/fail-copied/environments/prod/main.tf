terraform {
  backend "s3" {
    bucket       = "shop-terraform"
    key          = "shop/terraform.tfstate" # expect[shared high certain]: this module and `environments/dev` write the same state, `shop-terraform/shop/terraform.tfstate`: each plans to delete what the other has made
    region       = "eu-central-1"
    use_lockfile = true
  }
}
