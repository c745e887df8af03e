variable "configuration" {
  type = string
}

resource "aws_eks_addon" "cni" {
  cluster_name         = "main"
  addon_name           = "vpc-cni"
  configuration_values = jsonencode({ enableNetworkPolicy = "true" })
}

resource "aws_eks_addon" "cni_yaml" {
  cluster_name         = "main"
  addon_name           = "vpc-cni"
  configuration_values = <<-EOT
    enableNetworkPolicy: "true"
  EOT
}

module "eks" {
  source = "terraform-aws-modules/eks/aws"

  addons = {
    vpc-cni = {
      configuration_values = jsonencode({ enableNetworkPolicy = true })
    }
  }
}
